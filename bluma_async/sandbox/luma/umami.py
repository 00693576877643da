"""UmamiAI: real HTTP statuses, a create is answered with 201, and reads return lists in random order."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any, Dict, List, Mapping

from aiohttp import web

from bluma_async.sandbox.checks import check_flag, check_text, check_url, one_of, optional, required
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.luma.provider_api import ProviderApi
from bluma_async.sandbox.luma.requests import create_job, find_key, find_problem, read_payload, shuffle
from bluma_async.sandbox.luma.shapes import UMAMI_RATIOS, find_size
from bluma_async.sandbox.state import STATE, State

if TYPE_CHECKING:
    from bluma_async.sandbox.checks import Field
    from bluma_async.sandbox.tables import Row

__all__ = ["API"]

MAX_IDS = 20
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# The provider's parser (`qs`) makes an object, and no list, of a higher index, or of one that is not a plain number.
NAMES_OF_IDS = frozenset(("ids", "ids[]", *(f"ids[{index}]" for index in range(MAX_IDS))))
HOUR = 3600.0
BODY: Mapping[str, Field] = {
    "user_prompt": required(check_text),
    "aspect_ratio": required(one_of(*UMAMI_RATIOS)),
    "expand_prompt": optional(check_flag),
    "image_url": optional(check_url),
    "image_end_url": optional(check_url),
}


def refuse(request: web.Request, status: int, message: str) -> web.Response:
    now = iso(request.app[STATE].clock.time())
    body = {"message": message, "path": request.path, "requestId": str(uuid.uuid4()), "timestamp": now}
    return web.json_response({**body, "statusCode": str(status)}, status=status)


async def create(request: web.Request) -> web.Response:
    """Start a generation."""
    return await _start(request, None)


async def extend(request: web.Request) -> web.Response:
    """Extend a generation; it must be completed."""
    if find_key(request) is None:
        return refuse(request, 401, "Unauthorized")
    parent = request.app[STATE].jobs.find("umami", request.match_info["id"])
    if parent is None:
        return refuse(request, 404, "Generation not found")
    if request.app[STATE].jobs.find_state(parent) != "completed":
        return refuse(request, 400, "Generation is not completed")
    return await _start(request, parent)


async def read(request: web.Request) -> web.Response:
    """Return several generations: one malformed id makes the request fail, an unknown id is left out."""
    if find_key(request) is None:
        return refuse(request, 401, "Unauthorized")
    state, ids = request.app[STATE], _parse_ids(request)
    if not ids or len(ids) > MAX_IDS:
        return refuse(request, 400, f"ids must be an array of 1 to {MAX_IDS}")
    if not all(UUID.fullmatch(each) for each in ids):
        return refuse(request, 400, "each value in ids must be a UUID")
    found = [row for row in (state.jobs.find("umami", each) for each in dict.fromkeys(ids)) if row is not None]
    await state.outlook.note_read(request.path_qs, found)
    shown = [row for row in found if len(ids) == 1 or "[lost]" not in row["prompt"]]
    return web.json_response(shuffle(_build_generation(state, row) for row in shown))


async def _start(request: web.Request, parent: Row | None) -> web.Response:
    key = find_key(request)
    if key is None:
        return refuse(request, 401, "Unauthorized")
    payload = await read_payload(request)
    problem = find_problem(payload, BODY)
    if problem is not None:
        return refuse(request, 400, problem)
    details = {"parent": parent, "size": find_size(payload["aspect_ratio"])}
    row = create_job(request, "umami", key, payload, payload["user_prompt"], **details)
    if row is None:
        return refuse(request, 403, "You have run out of tokens")
    return web.json_response(_build_generation(request.app[STATE], row), status=201)


def _parse_ids(request: web.Request) -> List[str]:
    """Return the ids; none if the name of one makes an object of all (Luma reference 2.3)."""
    given = [(name, value) for name, value in request.query.items() if name == "ids" or name.startswith("ids[")]
    return [value for _, value in given] if all(name in NAMES_OF_IDS for name, _ in given) else []


def _build_generation(state: State, row: Row) -> Dict[str, Any]:
    url = state.jobs.sign_url(row, HOUR)
    video = {"url": url, **state.jobs.read_size(row), "thumbnail": state.jobs.thumbnail(row)}
    word = state.jobs.find_state(row)
    return {
        "id": row["id"],
        "prompt": row["prompt"],
        "state": word,
        "created_at": iso(row["created"]).replace("Z", ".318498Z"),
        "liked": None,
        "estimate_wait_seconds": None if word == "pending" else "45",
        "video": video if url else None,
        **({"failure_reason": "generation failed"} if word == "failed" else {}),
    }


API = ProviderApi(
    base_path="/umami/v1",
    routes=(
        ("POST", "/luma-ai/generations", create),
        ("POST", "/luma-ai/generations/{id}/extend", extend),
        ("GET", "/luma-ai/generation", read),
    ),
)

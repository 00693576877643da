"""The steps that the handlers of all providers have in common."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Dict, Mapping, cast

from bluma_async.sandbox.api_errors import ApiError
from bluma_async.sandbox.checks import JSON_TYPE, find_errors, parse_json, read_body
from bluma_async.sandbox.fault_actions import FAIL_RENDER
from bluma_async.sandbox.keys import classify_key
from bluma_async.sandbox.routing import KEY
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from aiohttp import web

    from bluma_async.sandbox.checks import Field
    from bluma_async.sandbox.tables import Row

__all__ = [
    "create_job",
    "find_callback_problem",
    "find_key",
    "find_problem",
    "has_text",
    "read_payload",
    "shuffle",
]

LARGEST_BODY = 2**25  # bytes


def find_key(request: web.Request) -> Row | None:
    """Return the sandbox's own key in a request, or None if it is missing or unknown."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    key = request.app[STATE].keys.find(token.strip()) if scheme.lower() == "bearer" else None
    if key is not None:
        request[KEY] = key
    return key


def find_problem(payload: Mapping[str, Any], fields: Mapping[str, Field]) -> str | None:
    """Return what is wrong with the first invalid field of a create, or None."""
    errors = find_errors(payload, fields)
    return " ".join(errors[0]) if errors else None


def find_callback_problem(request: web.Request, payload: Mapping[str, Any], name: str) -> str | None:
    """Return why no callback may be sent to the URL in a field, or None."""
    problem = request.app[STATE].destinations.find_problem(payload.get(name))
    return None if problem is None else f"{name} {problem}"


async def read_payload(request: web.Request) -> Dict[str, Any]:
    """
    Return the JSON object in a request; an empty object for any other body. Images in it may have many MB.

    The pages of all three providers send `Content-Type: application/json`; another type counts as no JSON.
    """
    raw = await read_body(request, LARGEST_BODY)
    try:
        payload: object = parse_json(raw) if request.content_type == JSON_TYPE else None
    except ValueError:
        payload = None
    return cast("Dict[str, Any]", payload) if isinstance(payload, dict) else {}


def has_text(payload: Mapping[str, Any], name: str) -> bool:
    """Return whether a field is text that is not empty."""
    return isinstance(payload.get(name), str) and bool(payload[name])


def create_job(
    request: web.Request, provider: str, key: Row, payload: Mapping[str, Any], prompt: str, **details: Any
) -> Row | None:
    """Create a generation, and return it; None if the account has too few credits."""
    fails = bool(request.get(FAIL_RENDER))
    try:
        return request.app[STATE].jobs.create(provider, str(classify_key(key)), payload, prompt, fails=fails, **details)
    except ApiError:
        return None


def shuffle(rows: Any) -> Any:
    """Return a list in random order: the providers document none, so no client may rely on one."""
    mixed = list(rows)
    random.shuffle(mixed)
    return mixed

"""Handlers of `/videos`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, cast

from aiohttp import web

from bluma_async.sandbox.api_errors import ApiError, bad_request
from bluma_async.sandbox.catalog import MULTIPLIERS, find_template
from bluma_async.sandbox.checks import (
    check_date_time,
    check_flag,
    check_object,
    check_text,
    check_url,
    one_of,
    optional,
    parse_timestamp,
    read_json,
    read_query,
    reject_where,
    required,
    validate,
)
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.fault_actions import AT_ONCE, EXPIRE_LINK, FAIL_RENDER
from bluma_async.sandbox.keys import classify_key
from bluma_async.sandbox.routing import DATE_QUERY, KEY, LARGEST, TEXT_QUERY, VIDEO_ID, Route
from bluma_async.sandbox.state import STATE, State
from bluma_async.sandbox.videos import accepted_view, compute_status, listed_view
from bluma_async.sandbox.visibility import cap_page, hide_price, order_list, require_readable, rewind_videos

if TYPE_CHECKING:
    from bluma_async.sandbox.checks import Field
    from bluma_async.sandbox.creates import PendingCreate
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES"]

STATUSES = ("queued", "processing", "completed", "failed")
SHORTEST_STRICT_PROMPT = 10
BODY: Dict[str, Field] = {
    "context": required(check_object),
    "template_id": optional(check_text),
    "variant_id": optional(check_text),
    "options": optional(check_object),
    "webhook_url": optional(check_url),
}
CONTEXT: Dict[str, Field] = {
    "prompt": required(check_text),
    "brand_assets": optional(check_object),
    "system_prompt": optional(check_text),
    "brand_id": optional(check_text),
    "custom_data": optional(check_object),
}
OPTIONS: Dict[str, Field] = {"resolution": optional(one_of(*MULTIPLIERS)), "watermark": optional(check_flag)}


async def create(request: web.Request) -> web.Response:
    """Create a video; every check comes before, so an invalid request creates and bills nothing."""
    state, key = request.app[STATE], request[KEY]
    body = await read_json(request, BODY)
    validate(body["context"], CONTEXT, "context.")
    validate(body.get("options") or {}, OPTIONS, "options.")
    _check_values(state, body)
    idempotency_key = request.headers.get("Idempotency-Key")
    known = state.creates_by_key.get(idempotency_key or "")
    if known is not None:
        return await _answer_create(request, known)
    template = find_template(_resolve_template(state, body))
    if template is None:
        raise bad_request(("template_id", "is not the id of a template"))
    fails = bool(request.get(FAIL_RENDER))
    row = state.videos.draft(body, template, str(classify_key(key)), fails=fails, idempotency_key=idempotency_key)
    pending = state.creates.accept(row)
    request[VIDEO_ID] = row["id"]
    if idempotency_key and state.settings.honour_idempotency:
        state.creates_by_key[idempotency_key] = pending
    return await _answer_create(request, pending)


async def _answer_create(request: web.Request, pending: PendingCreate) -> web.Response:
    """Answer after the commit, or before it if a fault answers at once."""
    if not request.get(AT_ONCE):
        await pending.wait()
    view = hide_price(accepted_view(pending.row), request.app[STATE].cruelty.value)
    return web.json_response(view, status=202)


async def get(request: web.Request) -> web.Response:
    """Return a video in its current state."""
    state = request.app[STATE]
    row = await _read(request)
    view = state.videos.view(row)
    if state.settings.extra_fields:
        view.update(variant_id=row["variant_id"], credits_charged=row["credits_charged"])
    return web.json_response(hide_price(view, state.cruelty.value))


async def download(request: web.Request) -> web.Response:
    """Return a signed link to a completed video."""
    state = request.app[STATE]
    row = await _read(request)
    status = compute_status(row, state.clock.time())
    if status != "completed":
        detail = f"Video '{row['id']}' is {status}; only a completed video can be downloaded."
        raise ApiError(400, detail, metadata={"status": status})
    life = 0.0 if request.get(EXPIRE_LINK) else 3600.0
    link, until = state.files.signed_url(f"videos/{row['id']}.mp4", life)
    return web.json_response({"download_url": link, "expires_at": iso(until)})


async def list_videos(request: web.Request) -> web.Response:
    """Return a page of videos, newest first."""
    state = request.app[STATE]
    query = read_query(
        request,
        {"page": (1, 1, LARGEST), "limit": (20, 1, 100)},
        {
            "status": one_of(*STATUSES),
            "template_id": check_text,
            "from_date": check_date_time,
            "to_date": check_date_time,
        },
    )
    await state.outlook.note_list(request.query_string)
    then = state.clock.time() - state.cruelty.value.list_lag
    found = order_list(_find_matching(state, query, then), state.cruelty.value)
    page, limit = query["page"], cap_page(query["limit"], state.cruelty.value)
    shown = [_list_row(state, row, then) for row in found[(page - 1) * limit : page * limit]]
    pages = {"page": page, "limit": limit, "total": len(found), "total_pages": -(-len(found) // limit)}
    return web.json_response({"videos": shown, "pagination": pages})


def _list_row(state: State, row: Row, then: float) -> Dict[str, Any]:
    view = listed_view(row, then, state.files)
    if state.settings.extra_fields:
        view.update(variant_id=row["variant_id"], duration=row["duration"] if view["completed_at"] else None)
    return view


async def _read(request: web.Request) -> Row:
    state = request.app[STATE]
    row = state.videos.need(request.match_info["id"])
    await state.outlook.note_read(row["id"], [row])
    return require_readable(row, state.clock.time(), state.cruelty.value)


def _check_values(state: State, body: Dict[str, Any]) -> None:
    problem = state.destinations.find_problem(body.get("webhook_url"))
    is_short = state.settings.strict and len(body["context"]["prompt"]) < SHORTEST_STRICT_PROMPT
    has_template, has_variant = body.get("template_id") is not None, body.get("variant_id") is not None
    reject_where(
        [
            (is_short, "context.prompt", "must have at least 10 characters"),
            (not has_template and not has_variant, "template_id", "or variant_id is required"),
            (has_template and has_variant, "variant_id", "cannot be given together with template_id"),
            (problem is not None, "webhook_url", str(problem)),
        ]
    )


def _resolve_template(state: State, body: Dict[str, Any]) -> str:
    """Return the template's id; a variant supplies its template and its colour."""
    if body.get("template_id") is not None:
        return str(body["template_id"])
    variant = state.variants.need(body["variant_id"])
    settings: Dict[str, Any] = variant["payload"]["settings"]
    properties: Any = settings.get("compositionProps")
    body["color"] = _get_property(properties, "primaryColor")
    return str(variant["template_id"])


def _get_property(properties: Any, name: str) -> object:
    return cast("Dict[str, object]", properties).get(name) if isinstance(properties, dict) else None


def _find_matching(state: State, query: Dict[str, Any], then: float) -> List[Row]:
    """Return the videos that match at a time, newest first."""
    return [
        row
        for row in rewind_videos(state.videos.newest_first(), then)
        if query.get("status") in {None, compute_status(row, then)}
        and query.get("template_id") in {None, row["template_id"]}
        and _is_between(row, query, is_inclusive=state.settings.inclusive_dates)
    ]


def _is_between(row: Row, query: Dict[str, Any], *, is_inclusive: bool) -> bool:
    """Compare in whole seconds: `created_at` shows whole seconds, and clients send it back as `from_date`."""
    begin, end = parse_timestamp(query.get("from_date")), parse_timestamp(query.get("to_date"))
    created = int(row["created"])
    is_after = begin is None or created > int(begin) or (is_inclusive and created == int(begin))
    return is_after and (end is None or created < int(end) or (is_inclusive and row["created"] <= end))


ROUTES = (
    Route(
        method="POST", path="/videos", handler=create, summary="Start a video", scope="videos:create", success=202,
        body="VideoRequest", answer="AcceptedVideo", errors=(400, 402, 404, 413),
    ),
    Route(
        method="GET", path="/videos", handler=list_videos, summary="List videos, newest first", scope="videos:read",
        answer="VideoList", errors=(400,),
        query={
            "page": {"type": "integer", "minimum": 1, "maximum": LARGEST, "default": 1},
            "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
            "status": {"type": "string", "enum": list(STATUSES)},
            "template_id": TEXT_QUERY,
            "from_date": {**DATE_QUERY, "description": "Only videos created after this second; it is not included."},
            "to_date": {**DATE_QUERY, "description": "Only videos created before this second; it is not included."},
        },
    ),
    Route(
        method="GET", path="/videos/{id}", handler=get, summary="Show a video", scope="videos:read",
        answer="Video", errors=(404,),
    ),
    Route(
        method="GET", path="/videos/{id}/download", handler=download, summary="Sign a link to a completed video",
        scope="videos:download", answer="VideoDownload", errors=(400, 404),
    ),
)  # fmt: skip

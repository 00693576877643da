"""`/templates/{template_id}/variants`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Dict, Mapping

from aiohttp import web

from bluma_async.sandbox.catalog import find_template
from bluma_async.sandbox.checks import an_object, check, complaints, read_json, text
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.problems import not_found
from bluma_async.sandbox.routing import Route
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from bluma_async.sandbox.checks import Field
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES"]

PATH = "/templates/{template_id}/variants"
CREATE: Mapping[str, Field] = {"name": (text, True), "payload": (an_object, False)}
UPDATE: Mapping[str, Field] = {"name": (text, False), "payload": (an_object, False)}
PAYLOAD: Mapping[str, Field] = {"settings": (an_object, False)}


async def create(request: web.Request) -> web.Response:
    """Save a preset."""
    state, template_id = request.app[STATE], _template_id(request)
    body = await read_json(request, CREATE)
    now = state.clock.time()
    row: Row = {
        "id": f"var_{secrets.token_hex(6)}",
        "template_id": template_id,
        "name": body["name"],
        "payload": _payload(body),
        "created": now,
        "updated": now,
    }
    return web.json_response(_view(state.variants.put(row)), status=201)


async def get(request: web.Request) -> web.Response:
    """Show a preset."""
    return web.json_response(_view(_need(request)))


async def update(request: web.Request) -> web.Response:
    """Change a preset."""
    row, state = _need(request), request.app[STATE]
    body = await read_json(request, UPDATE)
    complaints([(body.get("name") is None and body.get("payload") is None, "name", "or payload is required")])
    row["name"] = body.get("name") or row["name"]
    row["payload"] = _payload(body) if body.get("payload") is not None else row["payload"]
    row["updated"] = state.clock.time()
    return web.json_response(_view(state.variants.put(row)))


async def delete(request: web.Request) -> web.Response:
    """Delete a preset."""
    request.app[STATE].variants.drop(_need(request)["id"])
    return web.json_response({})


async def listing(request: web.Request) -> web.Response:
    """List a template's presets."""
    template_id = _template_id(request)
    rows = [_view(row) for row in request.app[STATE].variants if row["template_id"] == template_id]
    return web.json_response({"variants": rows, "total": len(rows)})


def _template_id(request: web.Request) -> str:
    template_id = request.match_info["template_id"]
    if find_template(template_id) is None:
        raise not_found("template", template_id)
    return template_id


def _need(request: web.Request) -> Row:
    template_id = _template_id(request)
    row = request.app[STATE].variants.need(request.match_info["id"])
    if row["template_id"] != template_id:
        raise not_found("variant", row["id"])
    return row


def _payload(body: Mapping[str, Any]) -> Dict[str, Any]:
    payload: Dict[str, Any] = body.get("payload") or {}
    check(payload, PAYLOAD, "payload.")
    return {"videoCount": 1, **payload, "settings": payload.get("settings") or {}}


def _view(row: Row) -> Dict[str, Any]:
    shown = {name: row[name] for name in ("id", "template_id", "name", "payload")}
    dates = {"created_at": iso(row["created"]), "updated_at": iso(row["updated"])}
    return {**shown, "brand_id": None, "is_active": True, **dates}


ROUTES = (
    Route(
        method="POST", path=PATH, handler=create, summary="Save a preset", success=201, body="VariantRequest",
        answer="Variant", refusals=(400, 404, 413),
    ),
    Route(method="GET", path=PATH, handler=listing, summary="List presets", answer="VariantList", refusals=(404,)),
    Route(
        method="GET", path=PATH + "/{id}", handler=get, summary="Show a preset", answer="Variant", refusals=(404,)
    ),
    Route(
        method="PUT", path=PATH + "/{id}", handler=update, summary="Change a preset", body="VariantUpdate",
        answer="Variant", refusals=(400, 404, 413),
    ),
    Route(method="DELETE", path=PATH + "/{id}", handler=delete, summary="Delete a preset", refusals=(404,)),
)  # fmt: skip

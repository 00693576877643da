"""Handlers of `/templates/{template_id}/variants`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Dict, Mapping

from aiohttp import web

from bluma_async.sandbox.account import BRAND_ID
from bluma_async.sandbox.api_errors import not_found
from bluma_async.sandbox.catalog import find_template
from bluma_async.sandbox.checks import check_object, check_text, optional, read_json, reject_where, required, validate
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.routing import Route
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from bluma_async.sandbox.checks import Field
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES"]

PATH = "/templates/{template_id}/variants"
CREATE: Mapping[str, Field] = {"name": required(check_text), "payload": optional(check_object)}
UPDATE: Mapping[str, Field] = {"name": optional(check_text), "payload": optional(check_object)}
PAYLOAD: Mapping[str, Field] = {"settings": optional(check_object)}


async def create(request: web.Request) -> web.Response:
    """Create a variant: saved settings of a template."""
    state, template_id = request.app[STATE], _require_template(request)
    body = await read_json(request, CREATE)
    now = state.clock.time()
    row: Row = {
        "id": f"var_{secrets.token_hex(6)}",
        "template_id": template_id,
        "name": body["name"],
        "payload": _read_payload(body),
        "created": now,
        "updated": now,
    }
    return web.json_response(_view(state.variants.put(row)), status=201)


async def get(request: web.Request) -> web.Response:
    """Return a variant."""
    return web.json_response(_view(_need(request)))


async def update(request: web.Request) -> web.Response:
    """Change a variant's name, its payload, or both."""
    row, state = _need(request), request.app[STATE]
    body = await read_json(request, UPDATE)
    reject_where([(body.get("name") is None and body.get("payload") is None, "name", "or payload is required")])
    row["name"] = body.get("name") or row["name"]
    row["payload"] = _read_payload(body) if body.get("payload") is not None else row["payload"]
    row["updated"] = state.clock.time()
    return web.json_response(_view(state.variants.put(row)))


async def delete(request: web.Request) -> web.Response:
    """Delete a variant."""
    request.app[STATE].variants.drop(_need(request)["id"])
    return web.json_response({})


async def list_variants(request: web.Request) -> web.Response:
    """Return a template's variants."""
    template_id = _require_template(request)
    rows = [_view(row) for row in request.app[STATE].variants if row["template_id"] == template_id]
    return web.json_response({"variants": rows, "total": len(rows)})


def _require_template(request: web.Request) -> str:
    template_id = request.match_info["template_id"]
    if find_template(template_id) is None:
        raise not_found("template", template_id)
    return template_id


def _need(request: web.Request) -> Row:
    template_id = _require_template(request)
    row = request.app[STATE].variants.need(request.match_info["id"])
    if row["template_id"] != template_id:
        raise not_found("variant", row["id"])
    return row


def _read_payload(body: Mapping[str, Any]) -> Dict[str, Any]:
    payload: Dict[str, Any] = body.get("payload") or {}
    validate(payload, PAYLOAD, "payload.")
    return {"videoCount": 1, **payload, "settings": payload.get("settings") or {}}


def _view(row: Row) -> Dict[str, Any]:
    shown = {name: row[name] for name in ("id", "template_id", "name", "payload")}
    dates = {"created_at": iso(row["created"]), "updated_at": iso(row["updated"])}
    return {**shown, "brand_id": BRAND_ID, "is_active": True, **dates}


ROUTES = (
    Route(
        method="POST", path=PATH, handler=create, summary="Create a variant", success=201, body="VariantRequest",
        answer="Variant", errors=(400, 404, 413),
    ),
    Route(method="GET", path=PATH, handler=list_variants, summary="List variants", answer="VariantList", errors=(404,)),
    Route(
        method="GET", path=PATH + "/{id}", handler=get, summary="Show a variant", answer="Variant", errors=(404,)
    ),
    Route(
        method="PUT", path=PATH + "/{id}", handler=update, summary="Change a variant", body="VariantUpdate",
        answer="Variant", errors=(400, 404, 413),
    ),
    Route(method="DELETE", path=PATH + "/{id}", handler=delete, summary="Delete a variant", errors=(404,)),
)  # fmt: skip

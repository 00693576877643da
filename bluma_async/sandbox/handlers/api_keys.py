"""
Handlers of `/api-keys`.

The real service demands a dashboard session here. The sandbox accepts its session token (`session_sandbox`) and any API
key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping

from aiohttp import web

from bluma_async.sandbox.api_errors import ApiError
from bluma_async.sandbox.checks import check_text, one_of, optional, read_json, required, whole_number
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.keys import PREFIXES
from bluma_async.sandbox.routing import Route
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from bluma_async.sandbox.checks import Field
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES"]

WARNING = "Save this API key now; it will not be shown again."
BODY: Mapping[str, Field] = {
    "name": required(check_text),
    "environment": required(one_of(*PREFIXES)),
    "rate_limit_per_hour": optional(whole_number(1, 10**6)),
}


async def create(request: web.Request) -> web.Response:
    """Create a key, and return its secret, which is not shown again."""
    state = request.app[STATE]
    body = await read_json(request, BODY)
    if body["environment"] == "production" and state.settings.tier == "free":
        raise ApiError(403, "Production keys need a paid plan.", metadata={"tier": "free"})
    limit = int(body.get("rate_limit_per_hour") or state.settings.hourly_limit)
    row, secret = state.keys.create(body["name"], body["environment"], limit)
    return web.json_response(_with_secret(row, secret), status=201)


async def rotate(request: web.Request) -> web.Response:
    """Replace a key's secret, and return the new one, which is not shown again."""
    row, secret = request.app[STATE].keys.rotate(request.match_info["id"])
    return web.json_response(_with_secret(row, secret))


async def revoke(request: web.Request) -> web.Response:
    """Revoke a key."""
    request.app[STATE].keys.revoke(request.match_info["id"])
    return web.json_response({})


async def list_keys(request: web.Request) -> web.Response:
    """Return the keys, revoked ones too."""
    rows = [_view(row) for row in request.app[STATE].keys.all()]
    return web.json_response({"api_keys": rows, "total": len(rows)})


def _view(row: Row) -> Dict[str, Any]:
    used = None if row["last_used"] is None else iso(row["last_used"])
    return {
        "id": row["id"],
        "name": row["name"],
        "prefix": row["prefix"],
        "environment": row["environment"],
        "is_active": row["is_active"],
        "scopes": row["scopes"],
        "rate_limit_per_hour": row["limit"],
        "last_used_at": used,
        "last_used": used,  # the name that 1.2.0 reads
        "created_at": iso(row["created"]),
    }


def _with_secret(row: Row, secret: str) -> Dict[str, Any]:
    """Return a key with its secret, under both names that the documents use for it."""
    return {"api_key": secret, "key": secret, **_view(row), "warning": WARNING}


ROUTES = (
    Route(
        method="POST", path="/api-keys", handler=create, summary="Create a key", success=201, body="ApiKeyRequest",
        answer="NewApiKey", errors=(400, 413),
    ),
    Route(method="GET", path="/api-keys", handler=list_keys, summary="List the keys", answer="ApiKeyList"),
    Route(
        method="POST", path="/api-keys/{id}/rotate", handler=rotate, summary="Give a key a new secret",
        answer="NewApiKey", errors=(404,),
    ),
    Route(method="DELETE", path="/api-keys/{id}", handler=revoke, summary="Revoke a key", errors=(404,)),
)  # fmt: skip

"""
`/api-keys`.

The real service wants a dashboard session here. The sandbox takes one (`session_sandbox`), and an API key just as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping

from aiohttp import web

from bluma_async.sandbox.checks import one_of, read_json, text, whole
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.keys import PREFIXES
from bluma_async.sandbox.problems import Problem
from bluma_async.sandbox.routing import Route
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from bluma_async.sandbox.checks import Field
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES"]

WARNING = "Save this API key now; it will not be shown again."
BODY: Mapping[str, Field] = {
    "name": (text, True),
    "environment": (one_of(*PREFIXES), True),
    "rate_limit_per_hour": (whole(1, 10**6), False),
}


async def create(request: web.Request) -> web.Response:
    """Make a key, and show its secret this once."""
    state = request.app[STATE]
    body = await read_json(request, BODY)
    if body["environment"] == "production" and state.settings.tier == "free":
        raise Problem(403, "Production keys need a paid plan.", metadata={"tier": "free"})
    limit = int(body.get("rate_limit_per_hour") or state.settings.hourly_limit)
    row, secret = state.keys.create(body["name"], body["environment"], limit)
    return web.json_response(_with_secret(row, secret), status=201)


async def rotate(request: web.Request) -> web.Response:
    """Give a key a new secret, and show it this once."""
    row, secret = request.app[STATE].keys.rotate(request.match_info["id"])
    return web.json_response(_with_secret(row, secret))


async def revoke(request: web.Request) -> web.Response:
    """End a key."""
    request.app[STATE].keys.revoke(request.match_info["id"])
    return web.json_response({})


async def listing(request: web.Request) -> web.Response:
    """List the keys."""
    rows = [_view(row) for row in request.app[STATE].keys.all()]
    return web.json_response({"api_keys": rows, "total": len(rows)})


def _view(row: Row) -> Dict[str, Any]:
    used = row["last_used"]
    return {
        "id": row["id"],
        "name": row["name"],
        "prefix": row["prefix"],
        "environment": row["environment"],
        "is_active": row["is_active"],
        "scopes": row["scopes"],
        "rate_limit_per_hour": row["limit"],
        "last_used_at": None if used is None else iso(used),
        "created_at": iso(row["created"]),
    }


def _with_secret(row: Row, secret: str) -> Dict[str, Any]:
    """Show the secret under both of the names that the documents have for it."""
    return {"api_key": secret, "key": secret, **_view(row), "warning": WARNING}


ROUTES = (
    Route(
        method="POST", path="/api-keys", handler=create, summary="Make a key", success=201, body="ApiKeyRequest",
        answer="NewApiKey", refusals=(400, 413),
    ),
    Route(method="GET", path="/api-keys", handler=listing, summary="List the keys", answer="ApiKeyList"),
    Route(
        method="POST", path="/api-keys/{id}/rotate", handler=rotate, summary="Give a key a new secret",
        answer="NewApiKey", refusals=(404,),
    ),
    Route(method="DELETE", path="/api-keys/{id}", handler=revoke, summary="End a key", refusals=(404,)),
)  # fmt: skip

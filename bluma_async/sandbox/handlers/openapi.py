"""The handler of `/openapi.json`. It needs a key, and counts against the key's rate limit, as any route does."""

from __future__ import annotations

from aiohttp import web

from bluma_async.sandbox.openapi import describe
from bluma_async.sandbox.routing import ROUTES_BY_HANDLER, Route
from bluma_async.sandbox.state import STATE

__all__ = ["ROUTES"]


async def get_document(request: web.Request) -> web.Response:
    """Return the OpenAPI document for the routes of the application."""
    # From the application, not from app.py: app.py imports this module to mount its route.
    routes = list(request.app[ROUTES_BY_HANDLER].values())
    return web.json_response(describe(routes, request.app[STATE].files.origin))


ROUTES = (
    Route(method="GET", path="/openapi.json", handler=get_document, summary="Describe the API", answer="Anything"),
)

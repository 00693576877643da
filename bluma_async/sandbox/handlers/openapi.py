"""`/openapi.json`: the API described by the very routes that answer. It needs a key, and counts against its budget."""

from __future__ import annotations

from aiohttp import web

from bluma_async.sandbox.openapi import describe
from bluma_async.sandbox.routing import Route
from bluma_async.sandbox.state import STATE

__all__ = ["ROUTES"]


async def openapi(request: web.Request) -> web.Response:
    """Describe the API."""
    from bluma_async.sandbox.app import ALL_ROUTES  # noqa: PLC0415 - they hold this very handler

    return web.json_response(describe(ALL_ROUTES, request.app[STATE].files.origin))


ROUTES = (Route(method="GET", path="/openapi.json", handler=openapi, summary="Describe the API", answer="Anything"),)

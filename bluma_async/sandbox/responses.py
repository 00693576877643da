"""The headers that depend on the sandbox's clock, on Cruelty and on the path, set just before an answer is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

from bluma_async.sandbox.clock import http_date
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["set_headers"]

# Files come from clients, and have the origin of the control surface, which needs no key: a browser must not run them.
FILE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """
    Set the Date header by the sandbox's clock: clients compare it with `created_at`, so both need one clock.

    A signal, not a middleware: aiohttp adds a Date of its own after the middlewares, and this can remove it.
    """
    if request.path.startswith("/cdn/"):
        for name, value in FILE_HEADERS.items():
            response.headers.setdefault(name, value)
    state = request.app[STATE]
    cruelty = state.cruelty.value
    if cruelty.retry_after_zero and response.status in {429, 503}:
        response.headers["Retry-After"] = "0"
    if cruelty.date_ahead is None:
        response.headers.pop("Date", None)
    else:
        response.headers["Date"] = http_date(state.clock.time() + cruelty.date_ahead)

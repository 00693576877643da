"""
Handlers of the page at `/`, and of the stream that it listens to.

The page is static: it has no data of its own, and reads everything through the control surface, which refuses requests
of other origins (access.py). Its policy lets it load nothing but its own files, and run no script in its HTML.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping

from aiohttp import web

from bluma_async.sandbox.api_errors import not_found
from bluma_async.sandbox.page_stream import TICK, PageStream
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from bluma_async.sandbox.state import State

__all__ = ["PAGE_ROUTES"]

FOLDER = Path(__file__).parent.parent / "page"
TYPES: Mapping[str, str] = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
# A list of its own: an import from a ZIP file has no folder to read.
FILES = frozenset(
    {"account.js", "app.css", "app.js", "dom.js", "faults.js", "icon.svg", "index.html", "logs.js", "videos.js"}
)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",  # the files of another version of the SDK may be on the same port tomorrow
}


async def show_page(request: web.Request) -> web.StreamResponse:
    """Return the page."""
    del request  # it is the same for all
    return _serve("index.html")


async def fetch_file(request: web.Request) -> web.StreamResponse:
    """Return a file of the page."""
    name = request.match_info["name"]
    if name not in FILES:
        raise not_found("file", name)
    return _serve(name)


async def show_snapshot(request: web.Request) -> web.Response:
    """Return everything that the page shows."""
    with PageStream(request.app[STATE]) as page:
        return web.json_response(page.snapshot())


async def stream(request: web.Request) -> web.StreamResponse:
    """Send a snapshot, and then the changes, as server-sent events until the client disconnects."""
    state = request.app[STATE]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    with state.activity.pause(), PageStream(state) as page:
        try:
            await _send(response, "snapshot", page.snapshot())
            while await _wait(request, state):
                changes = page.collect()
                if changes:
                    await _send(response, "changes", changes)
        except ConnectionError:  # the page was closed in the meantime
            pass
    return response


def _serve(name: str) -> web.FileResponse:
    return web.FileResponse(FOLDER / name, headers={**HEADERS, "Content-Type": TYPES[name.rpartition(".")[2]]})


async def _send(response: web.StreamResponse, event: str, data: Mapping[str, Any]) -> None:
    await response.write(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())


async def _wait(request: web.Request, state: State) -> bool:
    """Wait for the next comparison; return whether the page still listens."""
    try:
        await asyncio.wait_for(state.stopping.wait(), TICK)
    except asyncio.TimeoutError:
        return request.transport is not None and not request.transport.is_closing()
    return False


PAGE_ROUTES = (
    ("GET", "/", show_page),
    ("GET", "/_sandbox/page/{name}", fetch_file),
    ("GET", "/_sandbox/page", show_snapshot),
    ("GET", "/_sandbox/events", stream),
)

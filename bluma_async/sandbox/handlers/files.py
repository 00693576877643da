"""
Handlers of the CDN and the object store, to which links point. They need no key and have no rate limit.

aiohttp's FileResponse implements Range, If-None-Match, ETag and HEAD in a thread; If-Range with an ETag is added here.

A file may be of any type, and may hold a script. Only types that hold none are shown by a browser; others are saved.
responses.py adds the policy that keeps the scripts of a file from running.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Any, Dict, Mapping

from aiohttp import web

from bluma_async.sandbox.state import STATE
from bluma_async.sandbox.threads import in_thread
from bluma_async.sandbox.uploads import FAMILIES, MIME_TYPES, PIECE, UNLABELLED, TooLargeError, write_body

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILE_ROUTES"]

XML = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{}</Code><Message>{}</Message></Error>'
MESSAGES = {
    "AccessDenied": "Access Denied",
    "SignatureDoesNotMatch": "The signature of the link is invalid.",
    "RequestHasExpired": "The link has expired.",
    "NoSuchKey": "The file does not exist.",
    "EntityTooLarge": "The file is larger than an asset may be.",
}
# A browser that opens a film by itself loads it once more, from a document that must not be sandboxed for that: it
# would be of another origin.
FILM_POLICY = "default-src 'none'; media-src 'self'"


async def fetch(request: web.Request) -> web.StreamResponse:
    """Serve a file; if the link has a signature, it must be valid."""
    files, place = request.app[STATE].files, request.match_info["place"]
    if "signed" in request.query or "expires" in request.query:
        signature = request.query.get("signed", "")
        error = files.check_link("GET", place, request.query.get("expires", ""), signature)
        if error is not None:
            return _make_error(403, error)
    path = files.find_path(place)
    if path is None or not await in_thread(path.is_file):
        return _make_error(404, "NoSuchKey")
    facts = await in_thread(path.stat)
    return _File(path, headers=_describe(path.name), tag=f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"')


def _describe(name: str) -> Dict[str, str]:
    """Return the headers of a file, also of a 304, because browsers take its headers for the file that they have."""
    kind = MIME_TYPES.guess_type(name)[0] or UNLABELLED
    family = kind.partition("/")[0]
    is_shown = family in FAMILIES and not kind.endswith("+xml")  # SVG is XML, which may hold scripts
    disposition = "inline" if is_shown else "attachment"
    headers = {
        "Content-Type": kind,
        "Content-Disposition": f'{disposition}; filename="{name}"',
        "Accept-Ranges": "bytes",
    }
    if is_shown and family != "image":
        headers["Content-Security-Policy"] = FILM_POLICY
    return headers


class _File(web.FileResponse):
    """A file that is sent in full if the client has a part of another version."""

    def __init__(self, path: Path, *, headers: Mapping[str, str], tag: str) -> None:
        super().__init__(path, headers=headers)
        self.tag = tag

    async def prepare(self, request: Any) -> Any:
        """Serve the requested range; or the whole file if `If-Range` names another version."""
        wanted = request.headers.get("If-Range", self.tag)
        if wanted.startswith(('"', "W/")) and wanted != self.tag:
            kept = {name: value for name, value in request.headers.items() if name.lower() != "range"}
            request = request.clone(headers=kept)
        with request.app[STATE].activity.request():  # aiohttp sends the file in here
            return await super().prepare(request)


async def put(request: web.Request) -> web.StreamResponse:
    """Store the bytes of an asset, of any type; they replace the file only when all have arrived."""
    state, place = request.app[STATE], request.match_info["place"]
    signature = request.query.get("sig", "")
    error = state.files.check_link("PUT", place, request.query.get("expires", ""), signature)
    if error is not None:
        return _make_error(403, error)
    row = next((entry for entry in state.assets if entry["place"] == place), None)
    path = state.files.find_path(place)
    if row is None or path is None:
        return _make_error(404, "NoSuchKey")
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        size = await write_body(request.content.iter_chunked(PIECE), part)
    except TooLargeError:
        return _make_error(413, "EntityTooLarge")
    await in_thread(os.replace, part, path)
    row["size"] = size
    state.assets.put(row)
    return web.Response(headers={"ETag": f'"{row["id"]}-{size:x}"'})


def _make_error(status: int, code: str) -> web.Response:
    return web.Response(status=status, text=XML.format(code, MESSAGES[code]), content_type="application/xml")


FILE_ROUTES = (("GET", "/cdn/{place:.+}", fetch), ("PUT", "/uploads/{place:.+}", put))

"""
The CDN and the object store: what links point to. No key is asked for, and no limit counts.

aiohttp's FileResponse serves Range, If-None-Match, ETag and HEAD, off the loop; If-Range with an ETag is added here.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Callable, Mapping, TypeVar

from aiohttp import web

from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from pathlib import Path

    from bluma_async.sandbox.tables import Row

__all__ = ["FILE_ROUTES"]

T = TypeVar("T")
LARGEST_UPLOAD = 100 * 10**6
XML = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{}</Code><Message>{}</Message></Error>'
MESSAGES = {
    "AccessDenied": "Access Denied",
    "SignatureDoesNotMatch": "The link was changed, or is for something else.",
    "RequestHasExpired": "The link has expired.",
    "NoSuchKey": "There is no such file.",
    "EntityTooLarge": "The file is larger than an asset may be.",
}


async def fetch(request: web.Request) -> web.StreamResponse:
    """Serve a file; a link that is signed must be signed well."""
    files, place = request.app[STATE].files, request.match_info["place"]
    if "signed" in request.query or "expires" in request.query:
        signature = request.query.get("signed", "")
        complaint = files.complaint("GET", place, request.query.get("expires", ""), signature)
        if complaint is not None:
            return _refuse(403, complaint)
    path = files.path_of(place)
    if path is None or not await _in_thread(path.is_file):
        return _refuse(404, "NoSuchKey")
    headers = {"Content-Disposition": f'inline; filename="{path.name}"', "Accept-Ranges": "bytes"}
    facts = await _in_thread(path.stat)
    return _File(path, headers=headers, tag=f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"')


class _File(web.FileResponse):
    """A file that is sent whole to whoever has part of another version of it."""

    def __init__(self, path: Path, *, headers: Mapping[str, str], tag: str) -> None:
        super().__init__(path, headers=headers)
        self.tag = tag

    async def prepare(self, request: web.BaseRequest) -> Any:
        """Serve the range that is asked for, unless `If-Range` names another version."""
        wanted = request.headers.get("If-Range", self.tag)
        if wanted.startswith(('"', "W/")) and wanted != self.tag:
            kept = {name: value for name, value in request.headers.items() if name.lower() != "range"}
            request = request.clone(headers=kept)
        return await super().prepare(request)


async def put(request: web.Request) -> web.StreamResponse:
    """Take the bytes of an asset, whatever their type; they are there only once they are all there."""
    state, place = request.app[STATE], request.match_info["place"]
    signature = request.query.get("sig", "")
    complaint = state.files.complaint("PUT", place, request.query.get("expires", ""), signature)
    if complaint is not None:
        return _refuse(403, complaint)
    row = next((entry for entry in state.assets if entry["place"] == place), None)
    path = state.files.path_of(place)
    if row is None or path is None:
        return _refuse(404, "NoSuchKey")
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    size = await _receive(request, part)
    if size is None:
        return _refuse(413, "EntityTooLarge")
    await _in_thread(os.replace, part, path)
    _arrived(request, row, size)
    return web.Response(headers={"ETag": f'"{row["id"]}-{size:x}"'})


async def _receive(request: web.Request, part: Path) -> int | None:
    """Write the body to disk, and return its size; None if it is too large. What is not whole is not kept."""
    size = 0
    out: IO[bytes] = await _in_thread(part.open, "wb")
    is_whole = False
    try:
        async for piece in request.content.iter_chunked(2**18):
            size += len(piece)
            if size > LARGEST_UPLOAD:
                return None
            await _in_thread(out.write, piece)
        is_whole = True
    finally:
        out.close()
        if not is_whole:
            part.unlink()  # noqa: ASYNC240 - an await may be cancelled here, and leave it behind
    return size


def _arrived(request: web.Request, row: Row, size: int) -> None:
    row["size"] = size
    request.app[STATE].assets.put(row)


def _refuse(status: int, code: str) -> web.Response:
    return web.Response(status=status, text=XML.format(code, MESSAGES[code]), content_type="application/xml")


async def _in_thread(function: Callable[..., T], *args: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, partial(function, *args))


FILE_ROUTES = (("GET", "/cdn/{place:.+}", fetch), ("PUT", "/uploads/{place:.+}", put))

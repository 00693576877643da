"""
Write what a link gives to a file, however often the connection breaks.

Rule 1: what was fetched stays, and the next attempt, or the next program, goes on behind it if the file is the same.
Rule 2: a link that has expired is signed again, once.
Rule 3: the disk never blocks the event loop, and what the user's callback raises comes out as it is.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Awaitable, Callable, List

from bluma_async._runtime.callbacks import call_back
from bluma_async._runtime.threads import in_thread
from bluma_async._session.retrying import another_attempt
from bluma_async._wire.answers import decode_error
from bluma_async._wire.checks import invalid
from bluma_async._wire.messages import Answer
from bluma_async.errors import APIError, BlumaError, NetworkError, ServerError
from bluma_async.transfer.part import Part

if TYPE_CHECKING:
    import os

    from bluma_async._session.session import Session
    from bluma_async._wire.messages import Download

__all__ = ["require_place", "save_link"]

OnBytes = Callable[[int, "int | None"], Any]
LARGEST_ERROR = 2**16
BATCH = 2**21  # bytes that are written at a time: each time costs a hop to another thread
EXPIRED = (403, 404, 410)
MP4 = (b"ftyp", 4)  # what every MP4 has, and where


async def save_link(
    session: Session,
    sign: Callable[[], Awaitable[str]],
    file: str | os.PathLike[str],
    *,
    overwrite: bool,
    on_progress: OnBytes | None,
) -> int:
    """
    Write what a link gives to a file, and return its size.

    Args:
        session: What to fetch with.
        sign: Gives the link, and another one when that has expired.
        file: Where to write.
        overwrite: Whether a file that is there may be replaced.
        on_progress: Called with the bytes written and the bytes there are, if known.

    Raises:
        InvalidArgumentError: The file is there, or its folder is not.
        APIError: The link's host refused it, or what it gave is no MP4 though it says so.
        NetworkError: The connection broke too often.
        BlumaError: The disk refused.
    """
    target = Path(file)
    await require_place(target, overwrite=overwrite)
    fetch = _Fetch(session, sign, Part(target), on_progress)
    try:
        return await fetch.run()
    finally:
        await fetch.close()


async def require_place(file: str | os.PathLike[str], *, overwrite: bool) -> None:
    """
    See that a file can be written there.

    Raises:
        InvalidArgumentError: The file is there, or its folder is not.
    """
    await _in_thread(_require_place, Path(file), overwrite)


class _Fetch:
    """One file on its way."""

    def __init__(
        self, session: Session, sign: Callable[[], Awaitable[str]], part: Part, on_progress: OnBytes | None
    ) -> None:
        self._session = session
        self._sign = sign
        self._part = part
        self._on_progress = on_progress

    async def run(self) -> int:
        """Fetch until all is there; return how much that is."""
        link, attempt, signed = await self._sign(), 0, 1
        while True:
            offset, tag = await _in_thread(self._part.found)
            try:
                return await self._fetch(link, offset, tag)
            except (NetworkError, APIError) as failure:
                if failure.status in EXPIRED and signed == 1:
                    link, signed = await self._sign(), 2
                    continue
                is_further = (await _in_thread(self._part.found))[0] > offset
                await _in_thread(self._part.close)
                session = self._session
                attempt = 0 if is_further else attempt
                attempt = await another_attempt(session.options, session.shared.clock, failure, attempt)

    async def close(self) -> None:
        """Let go of the disk, also when interrupted."""
        import anyio  # noqa: PLC0415 - importing the SDK must not load anyio

        with anyio.CancelScope(shield=True):
            await _in_thread(self._part.close)

    async def _fetch(self, link: str, offset: int, tag: str) -> int:
        asked = {"Range": f"bytes={offset}-", "If-Range": tag} if offset else {}
        async with self._session.stream(link, asked) as download:
            if offset and download.status == 416 and _total(download) == offset:
                return await self._keep(download, offset)  # the last attempt had all, and did not know
            begin = await self._begin(download, offset)
            size = await self._copy(download, begin)
            total = _total(download)
            if total is not None and size != total:
                raise NetworkError(f"The download broke off after {size} of {total} bytes. Save it again to go on.")
            return await self._keep(download, size)

    async def _begin(self, download: Download, offset: int) -> int:
        """Return where the bytes that come belong, and open the file there."""
        if download.status == 416:
            await _in_thread(self._part.discard)
            raise NetworkError("The file on the server is not the one that was begun. Save it again to start over.")
        if download.status not in {200, 206}:
            raise decode_error(Answer(download.status, download.headers, await _beginning(download)))
        begin = 0 if download.status == 200 else _first(download)
        if begin not in {0, offset}:
            raise NetworkError(f"The server sent bytes from {begin}, and was asked for those from {offset}.")
        tag = download.headers.get("etag", "")
        await _in_thread(self._part.open, begin, "" if tag.startswith("W/") or not tag.isascii() else tag)
        return begin

    async def _copy(self, download: Download, size: int) -> int:
        """Write what comes; while one batch is written, the next one is read."""
        total, waiting = _total(download), 0
        batch: List[bytes] = []
        writing: asyncio.Future[None] | None = None
        try:
            async for piece in download.pieces:
                batch.append(piece)
                waiting += len(piece)
                if waiting >= BATCH:
                    await _ended(writing)
                    size += waiting
                    writing, batch, waiting = asyncio.ensure_future(self._write(batch, size, total)), [], 0
        finally:  # what came before the connection broke need not come again
            await _ended(writing)
            size += waiting
            await self._write(batch, size, total)
        return size

    async def _write(self, batch: List[bytes], size: int, total: int | None) -> None:
        if not batch:
            return
        await _in_thread(self._part.write, batch)
        if self._on_progress is not None:
            await call_back(self._on_progress, size, total)

    async def _keep(self, download: Download, size: int) -> int:
        await _in_thread(self._part.end)
        is_video = download.headers.get("content-type", "").startswith("video/mp4")
        if is_video and not await _in_thread(self._part.starts_with, *MP4):
            await _in_thread(self._part.discard)
            raise ServerError("The server sent a video that is no MP4; it was not kept.", status=502)
        await _in_thread(self._part.keep)
        return size


async def _ended(writing: asyncio.Future[None] | None) -> None:
    """Wait for a batch to be written, also when interrupted."""
    if writing is None:
        return
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        writing.cancel()
        await asyncio.wait([writing])
        raise


async def _in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Do something with the disk; what it refuses is told as an error of ours."""
    try:
        return await in_thread(function, *args)
    except OSError as problem:
        where = problem.filename or "the file"
        raise BlumaError(
            f"{where} could not be written: {problem.strerror or problem}. Save it again to go on."
        ) from problem


def _total(download: Download) -> int | None:
    """Return how many bytes the whole file has, if the server says so."""
    spanned = re.fullmatch(r"bytes (?:\d+-\d+|\*)/(\d+)", download.headers.get("content-range", ""))
    length = download.headers.get("content-length", "")
    if spanned:
        return int(spanned[1])
    return int(length) if download.status == 200 and length.isdigit() else None


def _first(download: Download) -> int:
    spanned = re.match(r"bytes (\d+)-", download.headers.get("content-range", ""))
    return int(spanned[1]) if spanned else -1


async def _beginning(download: Download) -> bytes:
    body = b""
    async for piece in download.pieces:
        body += piece
        if len(body) > LARGEST_ERROR:
            break
    return body


def _require_place(target: Path, overwrite: bool) -> None:
    if not target.parent.is_dir():
        raise invalid("path", f"There is no folder {str(target.parent)!r} to write to.")
    if target.is_dir():
        raise invalid("path", f"{str(target)!r} is a folder, not a file.")
    if target.exists() and not overwrite:
        raise invalid("path", f"{str(target)!r} is already there; pass overwrite=True to replace it.")

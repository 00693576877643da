"""
Download a signed link to a file, across broken connections.

Rule 1: bytes that arrived are kept. The next attempt, or the next program, continues behind them if the file on the
server is still the same version.
Rule 2: an expired link is signed again, once.
Rule 3: the disk never blocks the event loop.
Rule 4: an exception that the user's callback raises ends the download and reaches the caller unchanged.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Awaitable, Callable, List, Union

import attrs

from bluma_async._session.retry_loop import Failed
from bluma_async._wire.answers import decode_error
from bluma_async._wire.messages import Answer
from bluma_async.errors import APIError, NetworkError, ServerError
from bluma_async.transfer.callbacks import OnBytes, UserCallbacks
from bluma_async.transfer.disk import use_disk
from bluma_async.transfer.part import Part
from bluma_async.transfer.places import require_place

if TYPE_CHECKING:
    import os

    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session
    from bluma_async._wire.messages import Download

__all__ = ["save_link"]

Sign = Callable[[], Awaitable[str]]
Outcome = Union[int, Failed]
LARGEST_ERROR = 2**16
BATCH = 2**21  # bytes that are written at a time: each write costs a switch to another thread
EXPIRED = (403, 404, 410)
MP4 = (b"ftyp", 4)  # the mark that every MP4 file has, and its place
PLAIN = {"Accept-Encoding": "identity"}  # a compressed body has other byte offsets than the file


async def save_link(
    session: Session,
    sign: Sign,
    file: str | os.PathLike[str],
    *,
    overwrite: bool,
    on_progress: OnBytes | None,
) -> int:
    """
    Download a signed link to a file, and return the file's size.

    Args:
        session: The session to send with.
        sign: Returns a new signed link. It is called again when a link has expired.
        file: The path to write to.
        overwrite: Whether an existing file may be replaced.
        on_progress: Called with the bytes written so far, and the bytes of the file or None.

    Raises:
        InvalidArgumentError: The file exists, or its folder does not.
        APIError: The host of the link refused it, or sent a file that is not an MP4.
        NetworkError: The connection broke, and no retry is left.
        BlumaError: The file could not be written, for example because the disk is full.
    """
    target = Path(file)
    await require_place(target, overwrite=overwrite)
    fetch = _Fetch(session, sign, Part(target), UserCallbacks(on_progress))
    try:
        return await session.retry_loop.run(session.begin_transfer("GET", await sign(), PLAIN), fetch.attempt)
    finally:
        await fetch.close()


class _Fetch:
    """One file that is downloaded."""

    def __init__(self, session: Session, sign: Sign, part: Part, callbacks: UserCallbacks) -> None:
        self._session = session
        self._sign = sign
        self._is_signed_again = False
        self._part = part
        self._callbacks = callbacks

    async def attempt(self, in_flight: InFlightCall) -> Outcome:
        """Fetch the rest of the file; return its whole size."""
        outcome = await self._fetch(in_flight)
        if self._is_signed_again or not isinstance(outcome, Failed) or outcome.error.status not in EXPIRED:
            return outcome
        self._is_signed_again = True  # no retry: there is no pause, and it is not counted
        in_flight.request = attrs.evolve(in_flight.request, url=await self._sign())
        await self._session.retry_loop.observer.before_request(in_flight.request, in_flight.attempts)
        return await self._fetch(in_flight)

    async def close(self) -> None:
        """Close the file, even if cancelled."""
        import anyio  # noqa: PLC0415 - importing the SDK must not load anyio

        with anyio.CancelScope(shield=True):
            await use_disk(self._part.close)

    async def _fetch(self, in_flight: InFlightCall) -> Outcome:
        offset, tag = await use_disk(self._part.found)
        outcome = await self._exchange(in_flight, offset, tag)
        if isinstance(outcome, Failed):
            if (await use_disk(self._part.found))[0] > offset:
                in_flight.attempts = 0  # only attempts without progress count: a large file may need many
            await use_disk(self._part.close)
        return outcome

    async def _exchange(self, in_flight: InFlightCall, offset: int, tag: str) -> Outcome:
        session, clock = self._session, self._session.shared.clock
        rest = {"Range": f"bytes={offset}-", "If-Range": tag} if offset else {}
        request = attrs.evolve(in_flight.request, headers={**in_flight.request.headers, **rest})
        stream = session.shared.connections.get().stream(request, session.options.timeout)
        sent_at = clock.now()
        try:
            async with stream as download:
                elapsed, observer = clock.now() - sent_at, session.retry_loop.observer
                await self._callbacks.run(observer.after_response(request, download, in_flight.attempts, elapsed))
                return await self._store(download, offset)
        except (APIError, NetworkError) as error:
            self._callbacks.raise_again()
            return Failed(error)

    async def _store(self, download: Download, offset: int) -> int:
        if offset and download.status == 416 and _total(download) == offset:
            return await self._keep(download, offset)  # an earlier attempt got everything, and was then interrupted
        begin = await self._begin(download, offset)
        size = await self._copy(download, begin)
        total = _total(download)
        if total is not None and size != total:
            raise NetworkError(f"The download broke off after {size} of {total} bytes. Save it again to continue.")
        return await self._keep(download, size)

    async def _begin(self, download: Download, offset: int) -> int:
        """Open the file at the place of the first byte that comes, and return that place."""
        if download.status == 416:
            await use_disk(self._part.discard)
            raise NetworkError("The file on the server has changed since the download began. Save it again.")
        if download.status not in {200, 206}:
            raise decode_error(Answer(download.status, download.headers, await _read_error(download)))
        begin = 0 if download.status == 200 else _first(download)
        if begin not in {0, offset}:
            raise NetworkError(f"The server sent bytes from {begin}, and was asked for those from {offset}.")
        tag = download.headers.get("etag", "")
        await use_disk(self._part.open, begin, "" if tag.startswith("W/") or not tag.isascii() else tag)
        return begin

    async def _copy(self, download: Download, size: int) -> int:
        """Write the body to the file; while one batch is written, the next one is read."""
        total, waiting = _total(download), 0
        batch: List[bytes] = []
        writing: asyncio.Future[None] | None = None
        try:
            async for piece in download.pieces:
                batch.append(piece)
                waiting += len(piece)
                if waiting >= BATCH:
                    await _end(writing)
                    size += waiting
                    writing, batch, waiting = asyncio.ensure_future(self._write(batch, size, total)), [], 0
        finally:  # also after a cut: the bytes that arrived need not be sent again
            await _end(writing)
            size += waiting
            await self._write(batch, size, total)
        return size

    async def _write(self, batch: List[bytes], size: int, total: int | None) -> None:
        if batch:
            await use_disk(self._part.write, batch)
            await self._callbacks.report(size, total)

    async def _keep(self, download: Download, size: int) -> int:
        await use_disk(self._part.end)
        is_video = download.headers.get("content-type", "").startswith("video/mp4")
        if is_video and not await use_disk(self._part.has_mark, *MP4):
            await use_disk(self._part.discard)
            raise ServerError("The server sent a video that is no MP4; it was not kept.", status=502)
        await use_disk(self._part.keep)
        return size


async def _end(writing: asyncio.Future[None] | None) -> None:
    """Wait until a batch is written, even if cancelled."""
    if writing is None:
        return
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        writing.cancel()
        await asyncio.wait([writing])
        raise


def _total(download: Download) -> int | None:
    """Return the size of the whole file in bytes, if the server reports it."""
    spanned = re.fullmatch(r"bytes (?:\d+-\d+|\*)/(\d+)", download.headers.get("content-range", ""))
    length = download.headers.get("content-length", "")
    if spanned:
        return int(spanned[1])
    return int(length) if download.status == 200 and length.isdigit() else None


def _first(download: Download) -> int:
    """Return the place of the first byte that the server sends, or -1 if it does not say."""
    spanned = re.match(r"bytes (\d+)-", download.headers.get("content-range", ""))
    return int(spanned[1]) if spanned else -1


async def _read_error(download: Download) -> bytes:
    """Return the beginning of an error's body, which may be long."""
    body = b""
    async for piece in download.pieces:
        body += piece
        if len(body) > LARGEST_ERROR:
            break
    return body

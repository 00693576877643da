"""
The bodies of requests and answers.

Rule 1: a body in memory records whether any of it was written. Before that, the server cannot have acted on the
request.
Rule 2: the body of an answer is bounded, also after decompression: a few megabytes can be packed gigabytes.
Rule 3: a packed body is read to its last byte, by one decoder for answers and files. Bytes behind its end that are not
another gzip member are an error: a body of which a part is ignored would pass for a whole one.
"""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Any, AsyncGenerator, AsyncIterator, Callable, Iterator, List

import aiohttp

from bluma_async._runtime.threads import in_thread
from bluma_async.errors import NetworkError

if TYPE_CHECKING:
    from bluma_async._wire.messages import Request

__all__ = [
    "CODINGS",
    "INFLATED",
    "MAX_ANSWER",
    "BodyError",
    "RecordingBody",
    "decompress",
    "inflate",
    "make_body",
    "read_body",
]

MAX_ANSWER = 2**25  # bytes: a page of 100 videos has a tenth of a megabyte, a generation with an embedded image thirty
PIECE = 2**18  # bytes of a request that are written at once
INFLATED = frozenset({"gzip", "x-gzip", "deflate"})
CODINGS = "gzip, deflate"  # others need a library, whose output cannot be bounded everywhere
WINDOW = 2**14  # packed bytes that zlib is given at a time: it copies those that it leaves over, for each member
MOST_MEMBERS = 2**17  # bgzip makes one of each 64 KiB; a million empty ones would block the event loop for seconds
GZIP, ZLIB = zlib.MAX_WBITS | 16, zlib.MAX_WBITS
NO_HEADER = -zlib.MAX_WBITS  # some servers take "deflate" at its word, and send it without the zlib header


class BodyError(Exception):
    """The body of an answer arrived, and cannot be used; the message has the reason."""


class RecordingBody(aiohttp.BytesPayload):
    """A body of any size that records whether any of it was written, and that may be stopped before that."""

    is_sent = False

    def __init__(self, content: bytes, may_send: Callable[[], bool] | None = None) -> None:
        super().__init__(b"")  # aiohttp warns about bytes of a megabyte and more, because it writes them at once
        self._value = content
        self._size = len(content)
        self._may_send = may_send

    async def write(self, writer: Any) -> None:
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: Any, content_length: int | None) -> None:
        self._begin()
        end = len(self._value) if content_length is None else min(content_length, len(self._value))
        for start in range(0, end, PIECE):
            if start:
                await asyncio.sleep(0)  # the event loop has other work
            await writer.write(self._value[start : min(start + PIECE, end)])

    def _begin(self) -> None:
        if self._may_send is not None and not self._may_send():
            raise aiohttp.ClientConnectionError("this process was stopped for too long before it could send")
        self.is_sent = True


async def make_body(request: Request) -> Any:
    """Return the body of a request for aiohttp; None without one."""
    if request.parts:
        form = aiohttp.FormData(list(request.fields.items()))
        for part in request.parts:
            reader = await in_thread(part.open)
            form.add_field(part.name, reader, filename=part.file_name, content_type=part.content_type)
        return form
    if request.body is None:
        return request.pieces
    return RecordingBody(request.body, request.may_send)


async def read_body(response: aiohttp.ClientResponse, *, is_decompressed: bool) -> bytes:
    """
    Return the body of an answer, decompressed. Its connection is released then, or closed after any error.

    Args:
        response: The answer.
        is_decompressed: Whether aiohttp decompresses it already.

    Raises:
        BodyError: It is larger than `MAX_ANSWER`, or cannot be decompressed.
    """
    pieces: List[bytes] = []
    size, content = 0, response.content
    try:
        while piece := await content.readany():
            size += len(piece)
            _require_bounded(size)
            pieces.append(piece)
        await response.wait_for_close()
    except BaseException:
        response.close()
        raise
    body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    coding = response.headers.get("Content-Encoding")
    return body if coding is None or is_decompressed or not body else decompress(body, coding)


def decompress(body: bytes, coding: str) -> bytes:
    """
    Return a decompressed body of at most `MAX_ANSWER` bytes.

    Raises:
        BodyError: It is larger, or is not compressed as its Content-Encoding says.
    """
    name = coding.strip().lower()
    if name == "identity":
        return body
    if name not in INFLATED:
        raise BodyError(f"has the Content-Encoding {coding[:20]!r}, which was not asked for")
    inflater = Inflater(MAX_ANSWER + 1)
    unpacked: List[bytes] = []
    size = 0
    try:
        for data in inflater.feed(body):
            unpacked.append(data)
            size += len(data)
            _require_bounded(size)
    except zlib.error:
        raise BodyError(f"is no valid {name}") from None
    if not inflater.is_whole:
        raise BodyError(f"is no valid {name}")
    return unpacked[0] if len(unpacked) == 1 else b"".join(unpacked)


async def inflate(pieces: AsyncIterator[bytes], coding: str, most: int) -> AsyncGenerator[bytes, None]:
    """
    Yield the decompressed pieces of a body, each of at most `most` bytes: a packed one can be a thousand times as long.

    A packed piece that holds no data, such as an empty gzip member, yields an empty piece: the reader measures how fast
    the body arrives.

    Raises:
        NetworkError: The body is not compressed as its Content-Encoding says, or is cut.
    """
    inflater = Inflater(most)
    try:
        async for piece in pieces:
            data = b""
            for data in inflater.feed(piece):
                yield data
            if not data:
                yield b""
    except zlib.error as flaw:
        raise NetworkError(f"The body is no valid {coding}: {flaw}.") from flaw
    if not inflater.is_whole:
        raise NetworkError(f"The {coding} body is cut.")


class Inflater:
    """Decompresses a body of any coding of INFLATED, piece by piece: a zlib stream, or any number of gzip members."""

    def __init__(self, most: int) -> None:
        """
        Set up a decoder.

        Args:
            most: The largest number of bytes that are decompressed at once.
        """
        self._most = most
        self._begin = b""
        self._format = 0
        self._members = 1
        self._engine: Any = None

    @property
    def is_whole(self) -> bool:
        """Whether the body may end here: it is empty, or the last member is complete."""
        return not self._begin if self._engine is None else bool(self._engine.eof)

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """
        Decompress the next piece; yield its data in blocks, none of which is empty.

        Raises:
            zlib.error: The body is invalid here.
        """
        if self._engine is None:
            packed = self._begin = self._begin + packed
            if len(packed) < 2:
                return
            self._format = _find_format(packed)
            self._engine = zlib.decompressobj(self._format)
        left, is_full = memoryview(packed), False
        while left or is_full:
            if self._engine.eof:
                self._engine = self._open_member()
            window = left[:WINDOW]
            data = self._engine.decompress(window, self._most)
            has_ended = self._engine.eof
            unread = self._engine.unused_data if has_ended else self._engine.unconsumed_tail
            left = left[len(window) - len(unread) :]
            is_full = len(data) == self._most and not has_ended  # zlib may hold more data without any input left
            if data:
                yield data

    def _open_member(self) -> Any:
        self._members += 1
        if self._format != GZIP:
            raise zlib.error("it has bytes behind its end")
        if self._members > MOST_MEMBERS:
            raise zlib.error(f"it has more than {MOST_MEMBERS} members")
        return zlib.decompressobj(GZIP)


def _find_format(begin: bytes) -> int:
    """
    Return the format of a body by its first two bytes (RFC 1950 and 1952).

    No encoder begins a deflate stream like these headers: it would be invalid, or a stored block with odd padding.
    """
    if begin.startswith(b"\x1f\x8b"):
        return GZIP
    is_zlib = begin[0] & 0x0F == zlib.DEFLATED and int.from_bytes(begin[:2], "big") % 31 == 0
    return ZLIB if is_zlib else NO_HEADER


def _require_bounded(size: int) -> None:
    if size > MAX_ANSWER:
        raise BodyError(f"has more than {MAX_ANSWER >> 20} MiB")

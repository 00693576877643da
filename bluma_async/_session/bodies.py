"""
The bodies of requests and answers.

Rule 1: a body in memory records whether any of it was written. Before that, the server cannot have acted on the
request.
Rule 2: the body of an answer is bounded, also after decompression: a few megabytes can be packed gigabytes.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any, AsyncGenerator, AsyncIterator, List

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
LARGE_BODY = 2**20  # aiohttp warns about larger bytes, and wants a reader instead
INFLATED = frozenset({"gzip", "x-gzip", "deflate"})
CODINGS = "gzip, deflate"  # others need a library, whose output cannot be bounded everywhere
ANY_HEADER = zlib.MAX_WBITS | 32  # gzip or zlib, whichever it is
NO_HEADER = -zlib.MAX_WBITS  # some servers take "deflate" at its word, and send it without the zlib header


class BodyError(Exception):
    """The body of an answer arrived, and cannot be used; the message has the reason."""


class RecordingBody(aiohttp.BytesPayload):
    """A body that records whether any of it was written."""

    is_sent = False

    async def write(self, writer: Any) -> None:
        self.is_sent = True
        await super().write(writer)

    async def write_with_length(self, writer: Any, content_length: int | None) -> None:
        self.is_sent = True
        await super().write_with_length(writer, content_length)


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
    return RecordingBody(request.body) if len(request.body) < LARGE_BODY else io.BytesIO(request.body)


async def read_body(response: aiohttp.ClientResponse, *, is_decompressed: bool) -> bytes:
    """
    Return the body of an answer, decompressed. Its connection is released then, or closed after any error.

    Args:
        response: The answer.
        is_decompressed: Whether aiohttp decompresses it already.

    Raises:
        BodyError: It is larger than `MAX_ANSWER`, or cannot be decompressed.
    """
    try:
        body = await _read_all(response.content)
        await response.wait_for_close()
    except BaseException:
        response.close()
        raise
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
    try:
        return _inflate(body, ANY_HEADER)
    except zlib.error:
        pass
    try:
        return _inflate(body, NO_HEADER)
    except zlib.error:
        raise BodyError(f"is no valid {name}") from None


async def inflate(pieces: AsyncIterator[bytes], coding: str, most: int) -> AsyncGenerator[bytes, None]:
    """
    Yield the decompressed pieces of a body, each of at most `most` bytes: a packed one can be a thousand times as long.

    Raises:
        NetworkError: The body is not compressed as its Content-Encoding says, or is cut.
    """
    decoder = zlib.decompressobj(ANY_HEADER)
    has_begun = False
    try:
        async for piece in pieces:
            has_begun = True
            while piece:
                data = decoder.decompress(piece, most)
                piece = decoder.unconsumed_tail  # noqa: PLW2901 - the part that is not decompressed yet
                if data:
                    yield data
    except zlib.error as flaw:
        raise NetworkError(f"The body is no valid {coding}: {flaw}.") from flaw
    if rest := decoder.flush():
        yield rest
    if has_begun and not decoder.eof:
        raise NetworkError(f"The {coding} body is cut.")


async def _read_all(content: aiohttp.StreamReader) -> bytes:
    pieces: List[bytes] = []
    size = 0
    while piece := await content.readany():
        size += len(piece)
        if size > MAX_ANSWER:
            raise _too_large()
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _inflate(body: bytes, header: int) -> bytes:
    engine = zlib.decompressobj(header)
    data = engine.decompress(body, MAX_ANSWER + 1)
    if len(data) > MAX_ANSWER:
        raise _too_large()
    if not engine.eof:
        raise zlib.error("it is cut")
    return data


def _too_large() -> BodyError:
    return BodyError(f"has more than {MAX_ANSWER >> 20} MiB")

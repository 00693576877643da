"""One HTTP request and its answer, as plain data."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, AsyncIterator, BinaryIO, Callable, Mapping, Sequence

import attrs

from bluma_async._wire.times import read_http_date

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["NOTHING", "Answer", "Download", "Part", "Request"]


NOTHING: Mapping[str, str] = MappingProxyType({})


@attrs.frozen
class Part:
    """One file to send, of so many bytes. `open` gives a fresh reader for every attempt."""

    name: str
    file_name: str
    content_type: str
    open: Callable[[], BinaryIO]
    size: int = 0


@attrs.define  # not frozen: one is made for every call, and frozen ones take thrice as long
class Request:
    """What one attempt sends. `url` is complete and already percent-encoded."""

    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(repr=False)  # the API key is among them
    body: bytes | None = None
    parts: Sequence[Part] = ()
    fields: Mapping[str, str] = NOTHING
    pieces: AsyncIterator[bytes] | None = None  # a body that is made while it is sent


@attrs.define  # as above
class Answer:
    """What came back, whole. `headers` are looked up by lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def date(self) -> datetime | None:
        """When the server says it answered, by its own clock."""
        return read_http_date(self.headers.get("date"))


@attrs.frozen
class Download:
    """An answer that is read piece by piece."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]

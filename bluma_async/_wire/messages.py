"""An HTTP request and its answer, as plain data."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, AsyncIterator, BinaryIO, Callable, Mapping, Sequence

import attrs

from bluma_async._wire.times import read_http_date

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["NOTHING", "Answer", "Download", "Part", "Request"]


NOTHING: Mapping[str, str] = MappingProxyType({})
USER = re.compile(r"^(\w+://)[^/?#]*@")
QUERY = re.compile(r"[?#].*", re.DOTALL)


@attrs.frozen
class Part:
    """A file in a multipart body. `open` returns a new reader for each attempt; `size` is in bytes."""

    name: str
    file_name: str
    content_type: str
    open: Callable[[], BinaryIO]
    size: int = 0


@attrs.define  # not frozen: one is made for each call, and a frozen one takes three times as long to make
class Request:
    """
    The request of one attempt.

    Attributes:
        method: The HTTP method.
        url: The whole URL, percent-encoded.
        headers: The headers; the API key is among them.
        body: The body, if it is in memory.
        parts: The files of a multipart body.
        fields: The fields of a multipart body.
        pieces: A body that is read while it is sent.
        is_signed: Whether the URL is a signed link: its query is a secret that gives access to the file.
        may_send: Asked right before the body is written; False sends nothing. None: it may be sent at any time.
    """

    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes | None = None
    parts: Sequence[Part] = ()
    fields: Mapping[str, str] = NOTHING
    pieces: AsyncIterator[bytes] | None = None
    is_signed: bool = False
    may_send: Callable[[], bool] | None = attrs.field(default=None, repr=False, eq=False)

    @property
    def public_url(self) -> str:
        """The URL as hooks, the log and errors may show it: a signed link loses its query, and a user its password."""
        return QUERY.sub("", USER.sub(r"\1", self.url)) if self.is_signed else self.url


@attrs.define  # not frozen: one is made for each call, and a frozen one takes three times as long to make
class Answer:
    """A whole answer. Header names are in lower case, or the mapping ignores the case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def date(self) -> datetime | None:
        """When the answer was sent, by the server's clock; None without a valid Date header."""
        return read_http_date(self.headers.get("date"))


@attrs.frozen
class Download:
    """An answer whose body is read piece by piece."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]

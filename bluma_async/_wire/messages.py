"""An HTTP request and its answer, as plain data."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, AsyncIterator, BinaryIO, Callable, Mapping, Sequence

import attrs

from bluma_async._wire.times import read_http_date

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._runtime.secret import Secret

__all__ = ["NOTHING", "Answer", "Download", "Part", "Request", "show_url"]


NOTHING: Mapping[str, str] = MappingProxyType({})
# Compiled when they are first used: for errors, the log and hooks.
USER = r"^(\w+://)[^/?#]*@"
QUERY = r"(?s)[?#].*"


def show_url(url: str) -> str:
    """Return a URL without user, query and fragment, as text that can be printed."""
    return re.sub(QUERY, "", re.sub(USER, r"\1", url)).encode("ascii", "backslashreplace").decode()


@attrs.frozen
class Part:
    """A file in a multipart body. `open` returns a new reader for each attempt; `size` is in bytes."""

    name: str
    file_name: str
    content_type: str
    open: Callable[[], BinaryIO]
    size: int = 0


@attrs.define(repr=False)  # not frozen: one is made for each call, and a frozen one takes three times as long to make
class Request:
    """
    The request of one attempt.

    Its repr shows neither headers nor body, and a signed link without its query: error reporters store the repr of
    every local variable.

    Attributes:
        method: The HTTP method.
        url: The whole URL, percent-encoded.
        body: The body, if it is in memory.
        parts: The files of a multipart body.
        fields: The fields of a multipart body.
        pieces: A body that is read while it is sent.
        is_signed: Whether the URL is a signed link: its query is a secret that gives access to the file.
        api_key: The API key; None for requests that are sent without it.
        may_send: Asked right before the body is written; False sends nothing. None: it may be sent at any time.
    """

    method: str
    url: str
    _headers: Mapping[str, str]
    body: bytes | None = None
    parts: Sequence[Part] = ()
    fields: Mapping[str, str] = NOTHING
    pieces: AsyncIterator[bytes] | None = None
    is_signed: bool = False
    api_key: Secret | None = None
    may_send: Callable[[], bool] | None = attrs.field(default=None, eq=False)

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers as they are sent. The API key is among them, so do not store them in a variable."""
        if self.api_key is None:
            return self._headers
        return {"Authorization": f"Bearer {self.api_key.reveal()}", **self._headers}

    @property
    def idempotency_key(self) -> str | None:
        """The `Idempotency-Key`; None for a request without one."""
        return self._headers.get("Idempotency-Key")

    @property
    def has_body(self) -> bool:
        """Whether a body is sent."""
        return self.body is not None or bool(self.parts) or self.pieces is not None

    def __repr__(self) -> str:
        return f"Request({self.method} {self.public_url})"

    @property
    def public_url(self) -> str:
        """The URL as hooks, the log and errors may show it: a signed link loses its query, and a user its password."""
        return self.bare_url if self.is_signed else self.url

    @property
    def bare_url(self) -> str:
        """The URL without user, query and fragment, as text that can be printed."""
        return show_url(self.url)


@attrs.define  # not frozen: one is made for each call, and a frozen one takes three times as long to make
class Answer:
    """
    A whole answer. Header names are in lower case, or the mapping ignores the case.

    Attributes:
        status: The HTTP status.
        headers: The headers.
        body: The body, decompressed; empty if it has a flaw.
        flaw: Why the body cannot be used, for example because it is too large; empty if it can.
        received_at: When an error without a valid Date header was received, by this machine's clock; None otherwise.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)  # a server can send the key back, here and in the body
    body: bytes = attrs.field(repr=False)
    flaw: str = ""
    received_at: datetime | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def date(self) -> datetime | None:
        """The time at which the answer was sent, by the server's clock; None without a valid Date header."""
        return read_http_date(self.headers.get("date"))


@attrs.frozen
class Download:
    """An answer whose body is read piece by piece."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    pieces: AsyncIterator[bytes]

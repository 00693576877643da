"""
A call of the API as data: method, path, body, how to read its answer, and whether it is safe to retry.

Rule 1: a value that cannot be sent is refused while the call is built, so that nothing is sent.
Rule 2: None means absent; every other value is sent, also False, 0 and "".
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING, Any, Callable, Generic, List, Mapping, Sequence, Tuple, TypeVar
from urllib.parse import quote, urlencode

import attrs

from bluma_async._wire.answers import read_answer
from bluma_async._wire.checks import invalid
from bluma_async._wire.json_values import encode_json
from bluma_async._wire.messages import NOTHING, Answer, Part

if TYPE_CHECKING:
    from bluma_async._runtime.secret import Secret

__all__ = ["Call", "Safety", "compact", "encode_body", "encode_query", "path", "query_value"]

T = TypeVar("T")
Decode = Callable[[object], T]
PLAIN = re.compile(r"[A-Za-z0-9_-]+")


class Safety(Enum):
    """The worst result of sending a call twice."""

    SAFE_TO_RETRY = "a second object that costs nothing"
    COSTS_MONEY = "a second bill"


@attrs.define(
    kw_only=True, eq=False
)  # not frozen: one is made for each call, and a frozen one takes three times as long
class Call(Generic[T]):
    """
    One call of the API.

    Attributes:
        method: The HTTP method.
        path: The path and query, percent-encoded and relative to the base URL.
        decode: Decodes the parsed JSON of a 2xx answer.
        body: The JSON body.
        parts: The files of a multipart body.
        fields: The fields of a multipart body.
        safety: The worst result of sending the call twice.
        idempotency_key: The `Idempotency-Key` of all attempts; None for a random one.
        subject: The template that is paid for; None if that is unknown, or nothing is paid.
        token: The one-use token in the callback URL of a create; None without one.
        content: The hash of the content of a create with `reuse`; None for every other call.
        is_sent_once: Whether it is never retried, whatever the options say and however it fails.
        read: Replaces `read_answer` for APIs that report errors in 200 answers. Returns the decoded answer or raises
            the error; its second argument is the API key, to be masked in errors.
    """

    method: str
    path: str
    decode: Decode[T]
    body: bytes | None = None
    parts: Sequence[Part] = ()
    fields: Mapping[str, str] = NOTHING
    safety: Safety = Safety.SAFE_TO_RETRY
    idempotency_key: str | None = None
    subject: str | None = None
    token: str | None = None
    content: str | None = None
    is_sent_once: bool = False
    read: Callable[[Answer, Secret], T] | None = None


def get(route: str, decode: Decode[T], **query: object) -> Call[T]:
    """Return a call that reads."""
    return Call(method="GET", path=route + _query_string(query) if query else route, decode=decode)


def post(route: str, decode: Decode[T], payload: object = None, **options: Any) -> Call[T]:
    """Return a call that creates an object or starts an action."""
    return Call(method="POST", path=route, decode=decode, body=encode_body(payload), **options)


def put(route: str, decode: Decode[T], payload: object) -> Call[T]:
    """Return a call that replaces an object."""
    return Call(method="PUT", path=route, decode=decode, body=encode_body(payload))


def patch(route: str, decode: Decode[T], payload: object) -> Call[T]:
    """Return a call that changes a part of an object."""
    return Call(method="PATCH", path=route, decode=decode, body=encode_body(payload))


def delete(route: str) -> Call[None]:
    """Return a call that deletes an object. The body of a 2xx answer is ignored, whatever it is."""
    return Call(method="DELETE", path=route, decode=_ignore, read=_read_status)


def path(route: str, *segments: str) -> str:
    """
    Return a route followed by segments. Each segment is percent-encoded: a "/" or "?" in an id cannot change the route.

    Raises:
        InvalidArgumentError: A segment is empty, or is "." or "..", which would name another resource.
    """
    return "/".join((route, *map(_segment, segments)))


def compact(**values: object) -> dict[str, object]:
    """Return the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def _segment(value: object) -> str:
    if isinstance(value, str) and PLAIN.fullmatch(value):
        return value
    if not isinstance(value, str) or value.strip() in {"", ".", ".."}:
        raise invalid("id", f"An id must be a non-empty string that names one thing, not {value!r}.")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise invalid("id", f"An id must be valid text, not {value!r}.") from None


def _query_string(query: Mapping[str, object]) -> str:
    present = {name: query_value(value) for name, value in query.items() if value is not None}
    return "?" + encode_query(list(present.items())) if present else ""


def encode_query(pairs: List[Tuple[str, str]]) -> str:
    """
    Return names and values as a query.

    Raises:
        InvalidArgumentError: One of them is text that cannot be encoded.
    """
    try:
        return urlencode(pairs)
    except UnicodeEncodeError:
        odd, text = next((name, text) for name, text in pairs if not _is_encodable(name + text))
        raise invalid(odd, f"{odd!a} must be valid text, not {text!r}.") from None


def _is_encodable(text: str) -> bool:
    return text == text.encode("utf-8", "replace").decode()


def query_value(value: object) -> str:
    """Return a value as it stands in a query: times in UTC, booleans in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.astimezone()
        return aware.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return str(value)


def encode_body(payload: object) -> bytes | None:
    """
    Return a JSON body; None for None.

    Raises:
        InvalidArgumentError: The payload is not a JSON value.
    """
    return None if payload is None else encode_json(payload)


def _read_status(answer: Answer, secret: Secret) -> None:
    if not 200 <= answer.status < 300:
        read_answer(answer, _ignore, secret)  # raises


def _ignore(_: object) -> None:
    return None

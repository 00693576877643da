"""
A call of the API as data: where it goes, what it carries, how its answer is read, and whether repeating it is safe.

Rule 1: whatever cannot be sent is refused while the call is built, so that nothing is sent.
Rule 2: None means absent; every other value, False and 0 and "" too, is sent.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from enum import Enum
from typing import Any, Callable, Generic, Mapping, Sequence, TypeVar
from urllib.parse import quote, urlencode

import attrs

from bluma_async._wire.checks import invalid
from bluma_async._wire.messages import NOTHING, Answer, Part

__all__ = ["Call", "Safety", "compact", "path"]

T = TypeVar("T")
Decode = Callable[[object], T]
PLAIN = re.compile(r"[A-Za-z0-9_-]+")


class Safety(Enum):
    """What repeating a call may do."""

    REPEATABLE = "at worst, a second thing of no price"
    COSTS_MONEY = "a second bill"


@attrs.define(kw_only=True, eq=False)  # not frozen: one is made for every call, and frozen ones take thrice as long
class Call(Generic[T]):
    """
    One call. `path` is percent-encoded and relative to the base URL; `subject` is the template that is paid for.

    `read` makes out answers that `answers.read` cannot: it decodes them, or raises the refusal that they are.
    """

    method: str
    path: str
    decode: Decode[T]
    body: bytes | None = None
    parts: Sequence[Part] = ()
    fields: Mapping[str, str] = NOTHING
    safety: Safety = Safety.REPEATABLE
    idempotency_key: str | None = None
    subject: str | None = None
    read: Callable[[Answer, str], T] | None = None


def get(where: str, decode: Decode[T], **query: object) -> Call[T]:
    """Read something."""
    return Call(method="GET", path=where + _query_string(query) if query else where, decode=decode)


def post(where: str, decode: Decode[T], payload: object = None, **options: Any) -> Call[T]:
    """Make something, or make something happen."""
    return Call(method="POST", path=where, decode=decode, body=_encode(payload), **options)


def put(where: str, decode: Decode[T], payload: object) -> Call[T]:
    """Replace something."""
    return Call(method="PUT", path=where, decode=decode, body=_encode(payload))


def patch(where: str, decode: Decode[T], payload: object) -> Call[T]:
    """Change part of something."""
    return Call(method="PATCH", path=where, decode=decode, body=_encode(payload))


def delete(where: str) -> Call[None]:
    """Remove something; whatever a 2xx answer carries is ignored."""
    return Call(method="DELETE", path=where, decode=_ignore)


def path(*segments: str) -> str:
    """
    Join path segments, percent-encoding each whole.

    Raises:
        InvalidArgumentError: A segment is empty, or would climb out of its place.
    """
    return "/" + "/".join(map(_segment, segments))


def compact(**values: object) -> dict[str, object]:
    """Return the values that are there; only None is absent."""
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
    present = {name: _query_value(value) for name, value in query.items() if value is not None}
    return "?" + urlencode(present) if present else ""


def _query_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.astimezone()
        return aware.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return str(value)


def _encode(payload: object) -> bytes | None:
    if payload is None:
        return None
    try:
        return json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as problem:
        raise invalid("body", f"The arguments must be plain JSON values: {problem}.") from problem


def _ignore(_: object) -> None:
    return None

"""What a body or a query must look like: tables of checks, and every complaint at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from bluma_async._wire.times import read_datetime
from bluma_async.sandbox.problems import Problem, bad_request

if TYPE_CHECKING:
    from aiohttp import web

__all__ = [
    "Check",
    "Field",
    "an_object",
    "as_moment",
    "check",
    "complaints",
    "flag",
    "moment",
    "one_of",
    "read_json",
    "read_query",
    "text",
    "texts",
    "url",
    "whole",
]

LARGEST_JSON = 2**20
Check = Callable[[Any], Optional[str]]
Field = Tuple[Check, bool]  # what it must be, and whether it must be there


def text(value: Any) -> Optional[str]:
    """Complain unless it is text with something in it."""
    return None if isinstance(value, str) and value.strip() else "must be a non-empty string"


def flag(value: Any) -> Optional[str]:
    """Complain unless it is true or false."""
    return None if isinstance(value, bool) else "must be true or false"


def an_object(value: Any) -> Optional[str]:
    """Complain unless it is an object."""
    return None if isinstance(value, dict) else "must be an object"


def texts(value: Any) -> Optional[str]:
    """Complain unless it is a list of text."""
    is_list = isinstance(value, list) and all(isinstance(entry, str) and entry for entry in value)  # pyright: ignore[reportUnknownVariableType]
    return None if is_list else "must be a list of strings"


def url(value: Any) -> Optional[str]:
    """Complain unless it is an absolute http or https URL."""
    if not isinstance(value, str):
        return "must be a URL"
    try:
        parts = urlsplit(value)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    return None if is_url else "must be an absolute http(s) URL"


def moment(value: Any) -> Optional[str]:
    """Complain unless it is an ISO 8601 time."""
    try:
        read_datetime(value)
    except (ValueError, OverflowError):
        return "must be an ISO 8601 date-time"
    return None


def whole(low: int, high: int) -> Check:
    """Complain unless it is a whole number within the bounds."""

    def check_whole(value: Any) -> Optional[str]:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)  # 5.0 is a whole number in JSON
        return (
            None
            if is_number and low <= value <= high and value == int(value)
            else f"must be a whole number from {low} to {high}"
        )

    return check_whole


def one_of(*words: str) -> Check:
    """Complain unless it is one of the words."""
    return lambda value: None if value in words else f"must be one of {', '.join(words)}"


def check(body: Mapping[str, Any], fields: Mapping[str, Field], prefix: str = "") -> None:
    """
    See that a body has what it must, of the right kinds; null counts as absent, unknown fields are let pass.

    Raises:
        Problem: A 400 with every complaint.
    """
    errors: List[Tuple[str, str]] = []
    for name, (complaint_of, is_required) in fields.items():
        value = body.get(name)
        complaint = complaint_of(value) if value is not None else ("is required" if is_required else None)
        if complaint:
            errors.append((prefix + name, complaint))
    if errors:
        raise bad_request(*errors)


async def read_json(request: web.Request, fields: Mapping[str, Field]) -> Dict[str, Any]:
    """Read a JSON body of at most 1 MiB, and check it; no body at all counts as an empty object."""
    raw = await request.content.read(0)
    async for piece in request.content.iter_any():
        raw += piece
        if len(raw) > LARGEST_JSON:
            raise Problem(
                413, f"The request body is larger than {LARGEST_JSON} bytes.", headers={"Connection": "close"}
            )
    try:
        body: Any = json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError):
        raise Problem(400, "The request body is not valid JSON.", validation_errors=[("body", "is not JSON")]) from None
    if not isinstance(body, dict):
        raise bad_request(("body", "must be an object"))
    check(body, fields)  # pyright: ignore[reportUnknownArgumentType]  # JSON is untyped
    return body  # pyright: ignore[reportUnknownVariableType]  # as above


def read_query(
    request: web.Request, numbers: Mapping[str, Tuple[int, int, int]], rest: Mapping[str, Check]
) -> Dict[str, Any]:
    """
    Read the query, and check it.

    Args:
        request: Whose query.
        numbers: Name to default, lowest and highest.
        rest: Name to check, for optional text.
    """
    found: Dict[str, Any] = {}
    for name, (default, _, _) in numbers.items():
        given = request.query.get(name)
        is_number = given is not None and given.lstrip("-").isdigit() and given.isascii() and len(given) < 16
        found[name] = default if given is None else int(given) if is_number else given
    found.update({name: request.query[name] for name in rest if request.query.get(name)})
    fields: Dict[str, Field] = {name: (whole(low, high), True) for name, (_, low, high) in numbers.items()}
    check(found, {**fields, **{name: (complaint_of, False) for name, complaint_of in rest.items()}})
    return found


def as_moment(value: str | None) -> float | None:
    """Return an ISO 8601 time, checked before, as a moment."""
    return read_datetime(value).timestamp() if value else None


def complaints(pairs: Sequence[Tuple[bool, str, str]]) -> None:
    """Raise a 400 with the complaints whose condition holds."""
    errors = [(name, message) for is_wrong, name, message in pairs if is_wrong]
    if errors:
        raise bad_request(*errors)

"""
Validate bodies and queries against tables of checks; one 400 lists every invalid field.

The sandbox validates with its own code, dates included: sharing the client's parsers would hide their bugs, because
the client would then be tested against itself.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from bluma_async.sandbox.api_errors import ApiError, bad_request
from bluma_async.sandbox.routing import BODY

if TYPE_CHECKING:
    from aiohttp import web

__all__ = [
    "JSON_TYPE",
    "Check",
    "Field",
    "check_date_time",
    "check_flag",
    "check_object",
    "check_string",
    "check_text",
    "check_texts",
    "check_url",
    "find_errors",
    "one_of",
    "optional",
    "parse_json",
    "parse_timestamp",
    "read_ahead",
    "read_body",
    "read_json",
    "read_query",
    "reject_where",
    "required",
    "validate",
    "whole_number",
]

LARGEST_JSON = 2**20  # bytes
DEEPEST = 100  # levels of nested JSON
TOKENS = re.compile(r'(?s)"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]')  # strings, with the brackets in them; brackets
INVALID_JSON = "The request body is not valid JSON."
JSON_TYPE = "application/json"
# RFC 3339, and a little more: seconds and offset may be missing; a time without offset is in UTC.
DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?:(:\d\d)(?:[.,](\d{1,9}))?)?\s*(?:Z|([+-])(\d\d):?(\d\d)?)?", re.IGNORECASE
)
Check = Callable[[Any], Optional[str]]
"""Returns the reason why a value is invalid; None if it is valid."""


class Field(NamedTuple):
    """A check, and whether the field must be present."""

    check: Check
    is_required: bool


def required(check: Check) -> Field:
    """Return a field that must be present and valid."""
    return Field(check, is_required=True)


def optional(check: Check) -> Field:
    """Return a field that must be valid if it is present."""
    return Field(check, is_required=False)


def check_text(value: Any) -> Optional[str]:
    """Accept text that is not blank."""
    return None if isinstance(value, str) and value.strip() else "must be a non-empty string"


def check_string(value: Any) -> Optional[str]:
    """Accept any text."""
    return None if isinstance(value, str) else "must be a string"


def check_flag(value: Any) -> Optional[str]:
    """Accept true and false."""
    return None if isinstance(value, bool) else "must be true or false"


def check_object(value: Any) -> Optional[str]:
    """Accept a JSON object."""
    return None if isinstance(value, dict) else "must be an object"


def check_texts(value: Any) -> Optional[str]:
    """Accept a list of non-empty text."""
    is_list = isinstance(value, list) and all(isinstance(entry, str) and entry for entry in value)  # pyright: ignore[reportUnknownVariableType]  # JSON is untyped
    return None if is_list else "must be a list of strings"


def check_url(value: Any) -> Optional[str]:
    """Accept an absolute http or https URL."""
    if not isinstance(value, str):
        return "must be a URL"
    try:
        parts = urlsplit(value)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    return None if is_url else "must be an absolute http(s) URL"


def check_date_time(value: Any) -> Optional[str]:
    """Accept an ISO 8601 date-time."""
    try:
        _parse_date_time(value)
    except (ValueError, OverflowError):
        return "must be an ISO 8601 date-time"
    return None


def whole_number(low: int, high: int) -> Check:
    """Return a check that accepts whole numbers within the bounds."""

    def check_whole(value: Any) -> Optional[str]:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)  # 5.0 is a whole number in JSON
        return (
            None
            if is_number and low <= value <= high and value == int(value)
            else f"must be a whole number from {low} to {high}"
        )

    return check_whole


def one_of(*words: str) -> Check:
    """Return a check that accepts these words only."""
    return lambda value: None if value in words else f"must be one of {', '.join(words)}"


def validate(body: Mapping[str, Any], fields: Mapping[str, Field], prefix: str = "") -> None:
    """
    Check a body; null counts as absent, and unknown fields are ignored.

    Raises:
        ApiError: A 400 that lists every invalid field.
    """
    errors = find_errors(body, fields)
    if errors:
        raise bad_request(*((prefix + name, message) for name, message in errors))


def find_errors(body: Mapping[str, Any], fields: Mapping[str, Field]) -> List[Tuple[str, str]]:
    """Return every invalid field of a body, with a message that continues a sentence about it."""
    errors: List[Tuple[str, str]] = []
    for name, field in fields.items():
        value = body.get(name)
        error = field.check(value) if value is not None else ("is required" if field.is_required else None)
        if error:
            errors.append((name, error))
    return errors


def reject_where(conditions: Sequence[Tuple[bool, str, str]]) -> None:
    """Raise a 400 that lists the fields and messages whose condition is true; do nothing if none is."""
    errors = [(name, message) for is_invalid, name, message in conditions if is_invalid]
    if errors:
        raise bad_request(*errors)


async def read_body(request: web.Request, limit: int) -> bytes:
    """Return the body of a request, of at most `limit` bytes; raise a 413 for a larger one."""
    if BODY not in request:
        await read_ahead(request, limit)
    body: bytes = request[BODY]
    if len(body) > limit:
        raise ApiError(413, f"The request body is larger than {limit} bytes.", headers={"Connection": "close"})
    return body


async def read_ahead(request: web.Request, limit: int) -> None:
    """Read the body of a request and keep it; of one that is larger than `limit` bytes, only the beginning."""
    raw = bytearray()
    async for piece in request.content.iter_any():
        raw += piece
        if len(raw) > limit:
            break
    request[BODY] = bytes(raw)


def parse_json(raw: bytes) -> Any:
    """
    Return the value of a JSON document.

    Raises:
        ValueError: It is not JSON, or is nested too deeply. Python's parser also accepts NaN and Infinity, which no
            JSON document has.
    """
    text = raw.decode("utf-8")
    if text.count("[") + text.count("{") > DEEPEST:
        _require_shallow(text)
    return json.loads(text, parse_constant=_refuse_constant)


def _require_shallow(text: str) -> None:
    """Refuse what would let the parser recurse as deep as a stranger wants; some versions of Python end then."""
    depth = 0
    for token in TOKENS.finditer(text):
        depth += (token[0] in "[{") - (token[0] in "]}")
        if depth > DEEPEST:
            raise ValueError(f"nested more than {DEEPEST} levels deep")


def _refuse_constant(word: str) -> None:
    raise ValueError(word)


async def read_json(request: web.Request, fields: Mapping[str, Field]) -> Dict[str, Any]:
    """Return the validated JSON body, of at most 1 MiB; an empty body counts as an empty object."""
    raw = await read_body(request, LARGEST_JSON)
    if raw and request.content_type != JSON_TYPE:  # a 400, because the documented statuses have no 415
        raise bad_request(("body", f"must have the Content-Type {JSON_TYPE}"))
    try:
        body: Any = parse_json(raw) if raw.strip() else {}
    except ValueError:
        raise ApiError(400, INVALID_JSON, validation_errors=[("body", "is not JSON")]) from None
    if not isinstance(body, dict):
        raise bad_request(("body", "must be an object"))
    validate(body, fields)  # pyright: ignore[reportUnknownArgumentType]  # JSON is untyped
    return body  # pyright: ignore[reportUnknownVariableType]  # JSON is untyped


def read_query(
    request: web.Request, numbers: Mapping[str, Tuple[int, int, int]], rest: Mapping[str, Check]
) -> Dict[str, Any]:
    """
    Return the validated query parameters, with defaults for absent numbers.

    Args:
        request: The request whose query is read.
        numbers: Name to default, lowest and highest value.
        rest: Name to check, for optional text.
    """
    found: Dict[str, Any] = {}
    for name, (default, _, _) in numbers.items():
        given = request.query.get(name)
        is_number = given is not None and given.lstrip("-").isdigit() and given.isascii() and len(given) < 16
        found[name] = default if given is None else int(given) if is_number else given
    found.update({name: request.query[name] for name in rest if request.query.get(name)})
    fields = {name: required(whole_number(low, high)) for name, (_, low, high) in numbers.items()}
    validate(found, {**fields, **{name: optional(check) for name, check in rest.items()}})
    return found


def parse_timestamp(text: str | None) -> float | None:
    """Return a valid ISO 8601 date-time as seconds since 1970; None for None."""
    return _parse_date_time(text).timestamp() if text else None


def _parse_date_time(text: Any) -> datetime:
    match = DATE_TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(text)
    date, time, seconds, fraction, sign, hours, minutes = match.groups()
    local = datetime.fromisoformat(f"{date}T{time}{seconds or ':00'}+00:00")
    local += timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6]))
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return (local + offset if sign == "-" else local - offset).astimezone(timezone.utc)

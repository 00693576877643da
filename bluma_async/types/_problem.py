"""
The problem that the body of an error answer describes.

The API nests it under `error`; other forms are a flat object, a bare text, and a text under `error`. Whatever the body
is, reading it raises nothing.
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, NamedTuple, Optional, cast

__all__ = ["Problem", "read_problem", "to_number", "to_object", "to_whole"]


class Problem(NamedTuple):
    """
    The description of a problem in a body; None or empty where it has none. `errors.APIError` describes the fields.

    `is_described` is False for a body that is neither an object nor a text, such as a page of HTML.
    """

    is_described: bool
    type: Optional[str]
    title: Optional[str]
    detail: Optional[str]
    request_id: Optional[str]
    metadata: Dict[str, Any]
    links: Dict[str, Any]
    validation_errors: List[Dict[str, Any]]


def read_problem(body: object) -> Problem:
    """Return the problem that a parsed body describes."""
    inner = to_object(body).get("error", body)
    found = {**to_object(body), "detail": inner} if isinstance(inner, str) else to_object(inner)
    return Problem(
        is_described=isinstance(inner, (str, dict)),
        type=_text(found.get("type")) or _text(found.get("code")),
        title=_text(found.get("title")),
        detail=_text(found.get("detail")) or _text(found.get("message")) or _text(to_object(body).get("message")),
        request_id=_text(found.get("request_id")),
        metadata=to_object(found.get("metadata")),
        links=to_object(found.get("links")),
        validation_errors=[to_object(entry) for entry in _list(found.get("validation_errors")) if entry],
    )


def to_number(value: object) -> int | float | None:
    """Return a finite number, whole ones as int; None for everything else. Text with a number in it is one too."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number


def to_whole(value: object) -> int | None:
    """Return a number without its fraction; None if it is not a number."""
    number = None if isinstance(value, str) else to_number(value)
    return None if number is None else int(number)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def to_object(value: object) -> Dict[str, Any]:
    """Return a JSON object, or an empty one for every other value."""
    return cast("Dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: object) -> List[Any]:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]  # JSON is untyped

"""The values that telemetry may record: ids, words of the API, and classes of errors."""

from __future__ import annotations

import re
from typing import Any, Dict

from bluma_async.errors import APIError

__all__ = ["Attributes", "describe", "read_field", "read_word"]

Attributes = Dict[str, Any]
WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")  # an id, or a word of the API


def read_word(value: object) -> str | None:
    """Return a value that looks like an id or a word of the API; None for any other, which could be a secret."""
    return value if isinstance(value, str) and WORD.fullmatch(value) else None


def read_field(result: object, name: str) -> Any:
    return getattr(result, name, None)


def describe(error: BaseException) -> Attributes:
    """Return the attributes of an error. Its text can have a prompt, a URL or a path, and is left out."""
    known: Attributes = {"error.type": type(error).__name__}
    if isinstance(error, APIError):
        known["http.response.status_code"] = error.status
    return known

"""JSON without types: encode arguments, name the value that cannot be sent, and tell objects and lists apart."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Tuple

from bluma_async._wire.checks import invalid

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

__all__ = ["encode_json", "is_list", "is_object"]

MOST_DEPTH = 100
ADVICE = {
    "datetime": "pass text, such as value.isoformat()",
    "date": "pass text, such as value.isoformat()",
    "Timestamp": "pass text, such as value.isoformat()",
    "datetime64": "pass text, such as str(value)",
    "timedelta64": "pass a number or text, such as str(value)",
    "ndarray": "pass a list, such as value.tolist()",
    "NAType": "leave it out, or pass None",
    "NaTType": "leave it out, or pass None",
    "bytes": "pass text, or upload the file as an asset",
    "Decimal": "pass a float or text",
    "set": "pass a list",
}


def is_object(value: object) -> TypeGuard[Dict[Any, Any]]:
    """Return whether a value of a parsed JSON is an object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[List[Any]]:
    """Return whether a value of a parsed JSON is a list."""
    return isinstance(value, list)


def encode_json(payload: object, name: str = "body") -> bytes:
    """
    Return a value as JSON, in UTF-8.

    Raises:
        InvalidArgumentError: A value cannot be sent as JSON; the error names it by its path.
    """
    try:
        return json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as problem:
        path, reason = next(_find_unsendable(payload, name, 0), (name, str(problem)))
        raise invalid(path, f"The arguments must be plain JSON values: {path} is {reason}.") from problem


def _find_unsendable(value: Any, path: str, depth: int) -> Iterator[Tuple[str, str]]:
    """Yield each value that is not JSON, with the reason."""
    if depth > MOST_DEPTH:
        yield path, f"nested more than {MOST_DEPTH} levels deep, or contains itself"
    elif is_object(value):
        for key, inner in value.items():
            if key is not None and not isinstance(key, (str, int, float)):
                yield path, f"an object with a name that is a {type(key).__name__}; names must be text"
            yield from _find_unsendable(inner, str(key) if path == "body" else f"{path}.{key}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # arguments have no types
            yield from _find_unsendable(inner, f"{path}[{index}]", depth + 1)
    else:
        reason = _explain(value)
        if reason:
            yield path, reason


def _explain(value: object) -> str:
    """Return why a value that is neither an object nor a list is not JSON; empty text if it is."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value}, which JSON does not have; leave it out, or pass None"
    if isinstance(value, str) and not _is_text(value):
        return "text with half of a surrogate pair, which UTF-8 does not have"
    if isinstance(value, int) and not _is_short(value):
        return "an integer of thousands of digits; pass text"
    if value is None or isinstance(value, (str, int, float)):
        return ""
    kind = type(value).__name__
    return f"of the type {kind}" + (f"; {ADVICE[kind]}" if kind in ADVICE else "")


def _is_short(value: int) -> bool:
    """Return whether an integer can be written: Python limits the digits, since 3.11 and in security releases."""
    try:
        str(value)
    except ValueError:
        return False
    return True


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True

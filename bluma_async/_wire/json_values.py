"""
JSON without types: parse documents, encode arguments, name the value that cannot be sent, tell objects and lists apart.

Rule: JSON from outside this process is parsed here, and bounded before it is parsed. The parser, and all code that
walks through a document, would recurse as deep as a stranger wants. Several versions of Python end the process if
their garbage collector runs while they raise a RecursionError.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Tuple

from bluma_async._wire.checks import invalid

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

__all__ = ["BYTE_ORDER_MARK", "encode_json", "is_list", "is_object", "parse_first", "parse_json", "require_shallow"]

MOST_DEPTH = 100
LONGEST_PATH = 120  # characters that an error shows
BYTE_ORDER_MARK = "\ufeff"  # some servers begin UTF-8 with it
PARSER = json.JSONDecoder()  # without the checks of `json.loads`, which cost more than a small document
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
ONE_KIND = bytes.maketrans(b"{}", b"[]")
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


def parse_json(document: str | bytes) -> Any:
    """
    Return the value of a JSON document; bytes are UTF-8, and may begin with a byte order mark.

    Raises:
        ValueError: It is not JSON, or is nested more than `MOST_DEPTH` levels deep.
    """
    text = document if isinstance(document, str) else str(document, "utf-8").lstrip(BYTE_ORDER_MARK)
    require_shallow(text)
    return PARSER.decode(text)


def parse_first(text: str) -> Any:
    """
    Return the value of the JSON document with which a text begins.

    Raises:
        ValueError: There is none, or the text is nested more than `MOST_DEPTH` levels deep.
    """
    require_shallow(text)
    return PARSER.raw_decode(text)[0]


def require_shallow(text: str) -> None:
    """
    Require that no part of a JSON text is nested more than `MOST_DEPTH` levels deep.

    Raises:
        ValueError: One is. A text that is not JSON may pass, if the parser would not get so deep.
    """
    if text.count("{") + text.count("[") <= MOST_DEPTH:
        return  # as most texts do
    quoted = text.replace("\\\\", "").replace('\\"', "")  # without the escapes, every quote begins or ends a string
    brackets = "".join(quoted.split('"')[::2]).encode("utf-8", "replace").translate(ONE_KIND, NO_BRACKETS)
    for _ in range(MOST_DEPTH):  # each turn removes the innermost level
        if b"[]" not in brackets:
            break
        brackets = brackets.replace(b"[]", b"")
    if b"[]" in brackets or brackets.count(b"[") > MOST_DEPTH:
        raise ValueError(f"nested more than {MOST_DEPTH} levels deep")


def encode_json(payload: object, name: str = "body") -> bytes:
    """
    Return a value as JSON, in UTF-8.

    Raises:
        InvalidArgumentError: A value cannot be sent as JSON; the error names it by its path.
    """
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        require_shallow(text)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as problem:
        path, reason = next(_find_unsendable(payload, name, 0), (name, str(problem)))
        path = path if len(path) <= LONGEST_PATH else f"{path[:LONGEST_PATH]}..."
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

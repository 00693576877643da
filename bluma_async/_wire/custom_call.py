"""
Calls of endpoints that the SDK has no method for.

Rule 1: a path stays below the base URL, on the same host, also after a server has decoded it more than once.
Rule 2: nobody knows what an unknown endpoint costs: only a GET may be sent twice.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, List, Mapping, Tuple, cast
from urllib.parse import quote, unquote

from bluma_async._wire.call import Call, encode_body, encode_query, query_value
from bluma_async._wire.checks import invalid, require_choice, require_mapping

__all__ = ["custom_call", "find_template", "is_create"]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
UNRESERVED = "/%:@!$&'()*+,;=~"  # may stand in a path as they are (RFC 3986, 3.3); quote() adds letters, digits, "-._"
INCOMPLETE_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
Scalar = (str, int, float, datetime)


def custom_call(method: str, path: str, query: Mapping[str, Any] | None, payload: object) -> Call[Any]:
    """
    Return the call; its result is the decoded JSON of the answer.

    Raises:
        InvalidArgumentError: An argument is invalid.
    """
    verb = method.upper() if isinstance(method, str) else method  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass anything
    require_choice("method", verb, METHODS)
    if verb == "GET" and payload is not None:
        raise invalid("json", "A GET request has no JSON body: pass its values as query.")
    route = _require_path(path)
    pairs = _list_pairs(query)
    return Call(
        method=verb,
        path=f"{route}?{encode_query(pairs)}" if pairs else route,
        decode=_keep,
        body=encode_body(payload),
        is_sent_once=verb != "GET",
    )


def is_create(call: Call[Any]) -> bool:
    """Return whether a call creates a video, however its path is spelled."""
    return call.method == "POST" and unquote(call.path.partition("?")[0]).rstrip("/") == "/videos"


def find_template(payload: object) -> str | None:
    """Return the template that the body of a create asks for."""
    template_id = cast("Mapping[str, object]", payload).get("template_id") if isinstance(payload, Mapping) else None
    return template_id if isinstance(template_id, str) else None


def _require_path(path: object) -> str:
    """Return the path, percent-encoded where it is not yet."""
    if not isinstance(path, str) or not path.startswith("/") or not _stays_inside(path):
        wanted = 'a path below base_url that begins with "/", such as "/videos", without "..", "//", "?" and "#"'
        raise invalid("path", f"path must be {wanted}, not {path!r}. Pass a query as query.")
    try:
        return quote(path, safe=UNRESERVED)
    except UnicodeEncodeError:
        raise invalid("path", f"path must be valid text, not {path!r}.") from None


def _stays_inside(path: str) -> bool:
    """Return whether a path means the same place below the base URL, however often it is decoded."""
    if "?" in path or "#" in path or INCOMPLETE_ESCAPE.search(path):
        return False
    decoded = path
    while decoded != (decoded := unquote(decoded)):  # each round makes it shorter
        pass
    *folders, last = decoded.replace("\\", "/")[1:].split("/")
    return not {"", ".", ".."}.intersection(folders) and last not in {".", ".."} and not CONTROL.search(decoded)


def _list_pairs(query: Mapping[str, Any] | None) -> List[Tuple[str, str]]:
    if query is None:
        return []
    require_mapping("query", query, "{'limit': 5}")
    found: List[Tuple[str, str]] = []
    for name, value in query.items():
        values = cast("List[object]", value) if isinstance(value, (list, tuple)) else [value]
        if not isinstance(name, str) or not all(entry is None or isinstance(entry, Scalar) for entry in values):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass anything
            wanted = "names with a text, a number, a bool, a datetime, None, or a list of these"
            raise invalid("query", f"query must be {wanted}, not {name!r}: {value!r}.")
        found += [(name, query_value(entry)) for entry in values if entry is not None]
    return found


def _keep(raw: object) -> Any:
    return raw

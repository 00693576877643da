"""
The content of a create: what two creates have in common if they make the same video.

Rule 1: the content is everything that is rendered: the template or the variant, the context and the options. An option
that has its default value counts as left out, and so does a name of the context with null: the API treats both alike.
1.0 is the number 1. The `webhook_url` is no part of the content.
Rule 2: the key of a job without a key of its own is no content. It is a hash of its body as it was written, because
journals have such keys.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Dict, Mapping

from bluma_async._wire.prices import drop_default_resolution

__all__ = ["CANONICAL", "build_content", "hash_content", "hash_create", "is_same_content"]

CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
WHOLE = re.compile(r"\d\.0(?!\d)")  # how JSON shows a float that may be a whole number below 10**16
MOST_EXACT = 2**53  # a float above it may stand for several whole numbers


def build_content(body: Mapping[str, Any]) -> str:
    """Return the content of a create as canonical JSON, from its body as parsed JSON."""
    return _encode([body.get("template_id"), body.get("variant_id"), _list_context(body), _list_options(body)])


def hash_create(body: bytes | None) -> str:
    """Return a hash of the content of a create, from a template or from a variant, by the body of its request."""
    return hashlib.sha256(build_content(json.loads(body or b"{}")).encode()).hexdigest()


def hash_content(body: Mapping[str, Any]) -> str | None:
    """Return a hash of the content of a create from a template; None for a variant, whose settings can change."""
    if body.get("template_id") is None:
        return None
    content = _encode([body["template_id"], _list_context(body), _list_options(body)])
    return hashlib.sha256(content.encode()).hexdigest()


def is_same_content(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two bodies of creates, as parsed JSON, ask for the same video."""
    return build_content(one) == build_content(other)


def _list_context(body: Mapping[str, Any]) -> object:
    given: Any = body.get("context")
    if not isinstance(given, Mapping):  # a custom request, which the API refuses
        return given
    context: Mapping[str, Any] = given  # pyright: ignore[reportUnknownVariableType]  # parsed JSON has no types
    return {name: value for name, value in context.items() if value is not None}


def _list_options(body: Mapping[str, Any]) -> Dict[str, Any] | None:
    given: Any = body.get("options") or {}
    if not isinstance(given, Mapping):  # a custom request, which the API refuses
        return given  # type: ignore[no-any-return]
    options: Dict[str, Any] = dict(given)  # pyright: ignore[reportUnknownArgumentType]  # parsed JSON has no types
    if drop_default_resolution(options.get("resolution")) is None:
        options.pop("resolution", None)
    return options or None


def _encode(value: object) -> str:
    text = CANONICAL.encode(value)
    return CANONICAL.encode(json.loads(text, parse_float=_parse_float)) if WHOLE.search(text) else text


def _parse_float(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < MOST_EXACT else number

"""
Parse the values in a provider's answer, in all the forms that providers use, into plain Python values.

Rule: a value that cannot be parsed is None, or is left out. A finished video must not be lost because of an odd date.
"""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Mapping, cast

from bluma_async._wire.json_values import parse_json
from bluma_async._wire.times import read_datetime
from bluma_async.types import GeneratedVideo, GenerationState

__all__ = [
    "STATES",
    "SUCCESS_CODES",
    "parse_number",
    "parse_object",
    "parse_state",
    "parse_text",
    "parse_time",
    "parse_urls",
    "parse_videos",
    "pick_id",
    "pick_text",
]

STATES: Mapping[str, GenerationState] = {
    **dict.fromkeys(("pending", "queued", "submitted", "waiting", "queuing", "not_start"), GenerationState.QUEUED),
    **dict.fromkeys(
        ("processing", "dreaming", "generating", "in_progress", "running", "active"), GenerationState.RUNNING
    ),
    **dict.fromkeys(("completed", "success", "succeeded"), GenerationState.SUCCEEDED),
    **dict.fromkeys(
        ("failed", "fail", "error", "failure", "cancelled", "canceled", "rejected", "expired", "timeout"),
        GenerationState.FAILED,
    ),
}
SUCCESS_CODES = frozenset(("200", "0", "success"))  # the `code` of an envelope that reports no error
FIRST_MILLISECONDS = 1e11  # a larger number is milliseconds: as seconds, it would be a date after the year 5000


def parse_state(raw: object) -> GenerationState:
    """Return the state for a word, or UNKNOWN. A bare number is UNKNOWN: it has a meaning for kie.ai only."""
    return STATES.get(raw.strip().lower(), GenerationState.UNKNOWN) if isinstance(raw, str) else GenerationState.UNKNOWN


def parse_object(value: object) -> Dict[str, Any]:
    """Return a JSON object, also one that is encoded as text; an empty object for any other value."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = parse_json(value)
        except ValueError:
            return {}
    return cast("Dict[str, Any]", value) if isinstance(value, dict) else {}


def parse_text(value: object) -> str | None:
    """Return the value if it is text and not blank, or None."""
    return value if isinstance(value, str) and value.strip() else None


def pick_text(*values: object) -> str | None:
    """Return the first of the values that is text and not blank, or None."""
    return next((found for found in map(parse_text, values) if found), None)


def pick_id(*values: object) -> str | None:
    """Return the first of the values that is an id, as text: text that is not blank, or a whole number above 0."""
    return next((found for found in map(_parse_id, values) if found), None)


def _parse_id(value: object) -> str | None:
    is_number = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return str(value) if is_number else parse_text(value)


def parse_number(value: object) -> float | None:
    """Return a finite number of at least 0, also one that is encoded as text, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found >= 0 else None


def parse_time(value: object) -> datetime | None:
    """Return a time given as ISO 8601 text, or as seconds or milliseconds since 1970. 0 and the year 1 mean None."""
    seconds = parse_number(value)
    if seconds is not None:
        seconds = seconds / 1000 if seconds > FIRST_MILLISECONDS else seconds
        return datetime.fromtimestamp(seconds, timezone.utc) if 0 < seconds < FIRST_MILLISECONDS else None
    try:
        found = read_datetime(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, TypeError):
        return None
    return found if found is not None and found.year > 1 else None


def parse_urls(value: object) -> List[str]:
    """Return the URLs in a list, in objects, in JSON encoded as text, or in one text; in order, without duplicates."""
    return list(dict.fromkeys(_find_urls(value)))


def _find_urls(value: object) -> Iterator[str]:
    if isinstance(value, str):
        try:
            inner: object = parse_json(value) if value.lstrip()[:1] in {"[", "{", '"'} else None
        except ValueError:
            inner = None
        if inner is not None:
            yield from _find_urls(inner)
        elif value.strip():
            yield value.strip()
    elif isinstance(value, dict):
        named = cast("Dict[str, object]", value)
        yield from _find_urls(next((named[name] for name in ("resultUrls", "resultUrl", "url") if name in named), None))
    elif isinstance(value, list):
        for entry in cast("List[object]", value):
            yield from _find_urls(entry)


def parse_videos(value: object, kind: str, url_field: str = "url") -> List[GeneratedVideo]:
    """Return a list with the video that an object, or a bare URL, describes; an empty list if there is no URL."""
    fields = parse_object(value)
    url = parse_text(fields.get(url_field)) or (parse_text(value) if url_field == "url" and not fields else None)
    if url is None:
        return []
    sizes = [parse_number(fields.get(name)) for name in ("width", "height")]
    width, height = (None if size is None else int(size) for size in sizes)
    duration = parse_number(fields.get("duration"))
    return [GeneratedVideo(url=url, kind=kind, width=width, height=height, duration=duration)]

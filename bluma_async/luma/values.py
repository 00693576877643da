"""
What providers say, whatever form it comes in, to plain values.

Rule: what cannot be made out is None, or left out; a finished video is not lost because of an odd date.
"""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Mapping, cast

from bluma_async._wire.times import read_datetime
from bluma_async.types import GeneratedVideo, GenerationState

__all__ = ["GOOD", "STATES", "first", "moment", "number", "obj", "state_of", "text", "urls", "video"]

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
GOOD = frozenset(("200", "0", "success"))  # codes of an envelope that holds what was asked for
IN_MILLISECONDS = 1e11  # seconds since 1970 are smaller for three thousand years


def state_of(raw: object) -> GenerationState:
    """Return the state that a word stands for; bare numbers stand for none."""
    return STATES.get(raw.strip().lower(), GenerationState.UNKNOWN) if isinstance(raw, str) else GenerationState.UNKNOWN


def obj(value: object) -> Dict[str, Any]:
    """Return an object, also one that is text of JSON; an empty one for everything else."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return cast("Dict[str, Any]", value) if isinstance(value, dict) else {}


def text(value: object) -> str | None:
    """Return text that is not empty."""
    return value if isinstance(value, str) and value.strip() else None


def first(*values: object) -> str | None:
    """Return the first text that is not empty."""
    return next((found for found in map(text, values) if found), None)


def number(value: object) -> float | None:
    """Return a number of at least 0, also one that is text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found >= 0 else None


def moment(value: object) -> datetime | None:
    """Return a moment: ISO 8601, or seconds or milliseconds since 1970. 0 and the year 1 stand for none."""
    seconds = number(value)
    if seconds is not None:
        seconds = seconds / 1000 if seconds > IN_MILLISECONDS else seconds
        return datetime.fromtimestamp(seconds, timezone.utc) if 0 < seconds < IN_MILLISECONDS else None
    try:
        found = read_datetime(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, TypeError):
        return None
    return found if found is not None and found.year > 1 else None


def urls(value: object) -> List[str]:
    """Return all links, in order: of a list, of text of JSON, of objects, or a single one."""
    return list(dict.fromkeys(_urls(value)))


def _urls(value: object) -> Iterator[str]:
    if isinstance(value, str):
        try:
            inner: object = json.loads(value) if value.lstrip()[:1] in {"[", "{", '"'} else None
        except (ValueError, RecursionError):
            inner = None
        if inner is not None:
            yield from _urls(inner)
        elif value.strip():
            yield value.strip()
    elif isinstance(value, dict):
        named = cast("Dict[str, object]", value)
        yield from _urls(next((named[name] for name in ("resultUrls", "resultUrl", "url") if name in named), None))
    elif isinstance(value, list):
        for entry in cast("List[object]", value):
            yield from _urls(entry)


def video(raw: object, kind: str, link: str = "url") -> List[GeneratedVideo]:
    """Return what an object tells of a file: one, or none if there is no link."""
    told = obj(raw)
    url = text(told.get(link)) or (text(raw) if link == "url" and not told else None)
    if url is None:
        return []
    sizes = [number(told.get(name)) for name in ("width", "height")]
    width, height = (None if size is None else int(size) for size in sizes)
    return [GeneratedVideo(url=url, kind=kind, width=width, height=height, duration=number(told.get("duration")))]

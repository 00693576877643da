"""
Where the API and its documents call one thing by several names: one table, and what follows from what.

Each entry is explained by the conflict it settles: the quickstart, the API reference and the SDK page disagree.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from bluma_async import types
from bluma_async._wire.times import read_datetime

__all__ = ["fold"]

JSONObject = Dict[str, Any]

# Model: field -> the other names it may come under.
ALIASES: Mapping[type, Mapping[str, tuple[str, ...]]] = {
    types.Video: {"url": ("video_url",), "credits_charged": ("credits_consumed",)},
    types.Template: {
        "base_cost": ("credits_per_video",),
        "credits_per_video": ("base_cost",),
        "example_url": ("example_video_url",),
    },
    types.Asset: {
        "name": ("display_name", "original_filename"),
        "cdn_url": ("cloudfront_url",),
    },
    types.ApiKey: {"key": ("api_key",), "last_used_at": ("last_used",)},
}


def fold(cls: type, raw: JSONObject) -> JSONObject:
    """Return the object under the model's own names, without nulls, and with what follows from the rest filled in."""
    present = {name: value for name, value in raw.items() if value is not None}
    for name, others in ALIASES.get(cls, {}).items():
        for other in others if name not in present else ():
            if other in present:
                present[name] = present[other] if other in ALIASES[cls] else present.pop(other)
                break
    complete = COMPLETIONS.get(cls)
    if complete is not None:
        complete(present)
    return present


def _complete_video(video: JSONObject) -> None:
    """Leave out a time that cannot be read: a paid video's id must not be lost with it."""
    try:
        video["created_at"] = read_datetime(video.get("created_at"))
    except (ValueError, OverflowError):
        video.pop("created_at", None)


def _complete_template(template: JSONObject) -> None:
    """Fill `context_schema` from `requires_context`: the reference has one, the SDK page reads the other."""
    required = template.get("requires_context")
    if "context_schema" not in template and isinstance(required, dict):
        names: Dict[str, Any] = dict(required)  # pyright: ignore[reportUnknownArgumentType]  # JSON is untyped
        template["context_schema"] = {
            "type": "object",
            "required": [name for name, is_required in names.items() if is_required],
            "properties": {name: {"type": "string" if name in TEXTS else "object"} for name in names},
        }


def _complete_asset(asset: JSONObject) -> None:
    """Keep the picture's size in `metadata` too, where the SDK page has it."""
    size = {name: asset[name] for name in ("width", "height") if name in asset}
    metadata = asset.get("metadata", {})
    if size and isinstance(metadata, dict):
        asset["metadata"] = {**size, **metadata}


TEXTS = frozenset(("prompt", "brand_id", "system_prompt"))
COMPLETIONS: Mapping[type, Callable[[JSONObject], None]] = {
    types.Video: _complete_video,
    types.Template: _complete_template,
    types.Asset: _complete_asset,
}

"""
Fields that have several names: the quickstart, the API reference and the SDK page of Bluma disagree.

One table maps the other names to the model's own; functions below it fill fields that follow from others. Both are by
the name of the model: a table of classes would load the modules of all models for the first answer.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from bluma_async._wire.rows import keep_rows
from bluma_async._wire.times import read_datetime

__all__ = ["ALIASES", "COMPLETIONS", "UNREADABLE_STATUS", "normalize"]

JSONObject = Dict[str, Any]
UNREADABLE_STATUS = "unknown"

# Model: field -> its other names.
ALIASES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Video": {"url": ("video_url",), "credits_charged": ("credits_consumed",)},
    "Template": {
        "base_cost": ("credits_per_video",),
        "credits_per_video": ("base_cost",),
        "example_url": ("example_video_url",),
    },
    "Asset": {
        "name": ("display_name", "original_filename"),
        "cdn_url": ("cloudfront_url",),
    },
    "ApiKey": {"key": ("api_key",), "last_used_at": ("last_used",)},
}


def normalize(cls: type, raw: JSONObject) -> JSONObject:
    """Return the object with the model's own field names, without nulls, and with derived fields filled in."""
    present = {name: value for name, value in raw.items() if value is not None} if None in raw.values() else raw.copy()
    aliases = ALIASES.get(cls.__name__, {})
    for name, others in aliases.items():
        for other in others if name not in present else ():
            if other in present:
                present[name] = present[other] if other in aliases else present.pop(other)
                break
    complete = COMPLETIONS.get(cls.__name__)
    if complete is not None:
        complete(present)
    return present


def _complete_video(video: JSONObject) -> None:
    """
    Replace a status that is no text by UNREADABLE_STATUS, and drop an invalid time.

    They must not make the whole video, and the id that was paid for, unreadable. A video without a readable status is
    not finished: a wait reads it again.
    """
    status = video.get("status")
    if not isinstance(status, str) or not status.strip():
        video["status"] = UNREADABLE_STATUS
    try:
        video["created_at"] = read_datetime(video.get("created_at"))
    except (ValueError, OverflowError):
        video.pop("created_at", None)


def _complete_video_page(page: JSONObject) -> None:
    """Leave out the rows that have no id, and count them."""
    rows = page.get("videos")
    page["skipped"] = 0
    if isinstance(rows, list):
        page["videos"], page["skipped"] = keep_rows(rows)  # pyright: ignore[reportUnknownArgumentType]  # JSON is untyped


def _complete_template(template: JSONObject) -> None:
    """Derive `context_schema` from `requires_context`: the API reference has the latter, the SDK page the former."""
    required = template.get("requires_context")
    if "context_schema" not in template and isinstance(required, dict):
        names: Dict[str, Any] = dict(required)  # pyright: ignore[reportUnknownArgumentType]  # JSON is untyped
        template["context_schema"] = {
            "type": "object",
            "required": [name for name, is_required in names.items() if is_required],
            "properties": {name: DOCUMENTED.get(name, {}) for name in names},
        }


def _complete_asset(asset: JSONObject) -> None:
    """Copy the picture's size into `metadata`, where the SDK page expects it."""
    size = {name: asset[name] for name in ("width", "height") if name in asset}
    metadata = asset.get("metadata", {})
    if size and isinstance(metadata, dict):
        asset["metadata"] = {**size, **metadata}


# Other names have a type that is not documented, so the derived schema names none.
DOCUMENTED: Mapping[str, JSONObject] = {
    **{name: {"type": "string"} for name in ("prompt", "brand_id", "system_prompt")},
    **{name: {"type": "object"} for name in ("brand_assets", "custom_data")},
}
COMPLETIONS: Mapping[str, Callable[[JSONObject], None]] = {
    "Video": _complete_video,
    "VideoPage": _complete_video_page,
    "Template": _complete_template,
    "Asset": _complete_asset,
}

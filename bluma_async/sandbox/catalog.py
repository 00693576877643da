"""The templates: the five of the quickstart, and one that later documents use but `GET /templates` does not list."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, Tuple

from bluma_async.sandbox.api_errors import not_found

__all__ = [
    "BY_ID",
    "MULTIPLIERS",
    "calculate_price",
    "estimate_duration",
    "find_template",
    "list_templates",
    "template_view",
]

Template = Dict[str, Any]
MULTIPLIERS: Mapping[str, float] = {"720p": 1.0, "1080p": 1.5, "4k": 3.0}
WORDS_A_SECOND = 2.5


def _template(identifier: str, name: str, description: str, category: str, seconds: Tuple[int, int]) -> Template:
    low, high = seconds
    return {
        "id": identifier,
        "name": name,
        "description": description,
        "category": category,
        "credits_per_video": 2,
        "duration_range": {"min": low, "max": high},
    }


LISTED = [
    _template(
        "consumerclub-discord-zoomed", "ConsumerClub Discord Zoomed", "Discord conversation style video",
        "entertainment", (30, 60),
    ),
    _template(
        "cat-explainer-v2", "Cat Explainer V2", "Educational content explained by cats", "educational", (30, 60)
    ),
    _template(
        "rick-morty-explainer", "Rick & Morty Meme Explainer", "Meme-style explainer videos", "entertainment", (30, 60)
    ),
    _template(
        "steel-griffin-explainer", "Steel Griffin Explainer", "Educational explainer format", "educational", (30, 60)
    ),
    _template(
        "ugc-text-overlay", "UGC Text Overlay", "User-generated content style with text", "ugc", (15, 30)
    ),
]  # fmt: skip
HIDDEN = [_template("meme-dialogue", "Meme Dialogue", "Two voices and a punch line", "entertainment", (15, 30))]
BY_ID: Mapping[str, Template] = {entry["id"]: entry for entry in [*LISTED, *HIDDEN]}


def list_templates() -> List[Template]:
    """Return the templates that `GET /templates` lists: the quickstart's six fields first, then those of 1.2.0."""
    return [{**entry, **_describe_for_official_client(entry)} for entry in LISTED]


def find_template(identifier: str) -> Template | None:
    """Return a template, listed or not; None if there is none."""
    return BY_ID.get(identifier)


def template_view(identifier: str) -> Template:
    """Return one template with the fields of the reference, the SDK page and the 1.2.0 package together."""
    found = find_template(identifier)
    if found is None:
        raise not_found("template", identifier)
    return {
        **found,
        "thumbnail_url": None,
        "example_video_url": None,
        "supported_resolutions": list(MULTIPLIERS),
        "requires_context": {"prompt": True, "brand_id": False, "custom_data": False},
        **_describe_for_official_client(found),
        "example_url": None,
    }


def _describe_for_official_client(template: Template) -> Template:
    """Return the fields of a template that 1.2.0 requires and the quickstart does not show."""
    return {
        "base_cost": template["credits_per_video"],
        "duration": template["duration_range"]["min"],
        "aspect_ratio": "9:16",
        "context_schema": CONTEXT_SCHEMA,
    }


def calculate_price(template: Template, resolution: str | None) -> int:
    """Return a video's price in credits, rounded up."""
    return math.ceil(int(template["credits_per_video"]) * MULTIPLIERS[resolution or "720p"])


def estimate_duration(template: Template, prompt: str) -> int:
    """Return a video's length in seconds: the time to read the prompt, within the template's range."""
    bounds = template["duration_range"]
    return int(min(max(len(prompt.split()) / WORDS_A_SECOND, bounds["min"]), bounds["max"]))


CONTEXT_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["prompt"],
    "properties": {
        "prompt": {"type": "string"},
        "brand_assets": {"type": "object"},
        "system_prompt": {"type": "string"},
        "brand_id": {"type": "string"},
        "custom_data": {"type": "object"},
    },
}

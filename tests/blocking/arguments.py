"""Arguments of `videos.create`."""

from __future__ import annotations

PROMPT = {"prompt": "Hello"}
TEMPLATE = "ugc-text-overlay"

"""The visual style of each template: one module, one function from a Scene to its Shots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

from bluma_async.sandbox.rendering.styles.captions import captions
from bluma_async.sandbox.rendering.styles.cat import cat
from bluma_async.sandbox.rendering.styles.chat import chat
from bluma_async.sandbox.rendering.styles.duo import duo
from bluma_async.sandbox.rendering.styles.meme import meme
from bluma_async.sandbox.rendering.styles.steel import steel

if TYPE_CHECKING:
    from bluma_async.sandbox.rendering.scene import Style

__all__ = ["STYLES", "find_style"]

STYLES: Mapping[str, Style] = {
    "consumerclub-discord-zoomed": chat,
    "cat-explainer-v2": cat,
    "rick-morty-explainer": duo,
    "steel-griffin-explainer": steel,
    "ugc-text-overlay": captions,
    "meme-dialogue": meme,
}


def find_style(template_id: str) -> Style:
    """Return a template's style; an unknown template gets captions."""
    return STYLES.get(template_id, captions)

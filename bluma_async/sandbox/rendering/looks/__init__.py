"""How each template looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

from bluma_async.sandbox.rendering.looks.captions import captions
from bluma_async.sandbox.rendering.looks.cat import cat
from bluma_async.sandbox.rendering.looks.chat import chat
from bluma_async.sandbox.rendering.looks.duo import duo
from bluma_async.sandbox.rendering.looks.meme import meme
from bluma_async.sandbox.rendering.looks.steel import steel

if TYPE_CHECKING:
    from bluma_async.sandbox.rendering.scene import Look

__all__ = ["look_of"]

LOOKS: Mapping[str, Look] = {
    "consumerclub-discord-zoomed": chat,
    "cat-explainer-v2": cat,
    "rick-morty-explainer": duo,
    "steel-griffin-explainer": steel,
    "ugc-text-overlay": captions,
    "meme-dialogue": meme,
}


def look_of(template_id: str) -> Look:
    """Return a template's look."""
    return LOOKS.get(template_id, captions)

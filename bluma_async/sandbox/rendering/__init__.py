"""Render videos from their prompts, in a thread: Pillow draws the pictures, PyAV encodes them."""

from bluma_async.sandbox.rendering.renderer import Renderer, make_renderer

__all__ = ["Renderer", "make_renderer"]

"""Render videos in a thread, from their prompts with Pillow and PyAV, or as small prepared clips without them."""

from bluma_async.sandbox.rendering.renderer import MissingPackageError, Renderer, load_drawing, make_renderer

__all__ = ["MissingPackageError", "Renderer", "load_drawing", "make_renderer"]

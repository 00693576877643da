"""Videos drawn from their prompts: Pillow draws, PyAV encodes, a thread of their own does both."""

from bluma_async.sandbox.rendering.renderer import Renderer, make_renderer

__all__ = ["Renderer", "make_renderer"]

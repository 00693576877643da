"""
A local server that behaves like the Bluma API: state, credits, limits, webhooks, faults, and real MP4 files.

A sandbox that draws its videos needs the extra: `pip install "bluma[sandbox]"`. With `render=False` it needs none.
"""

from bluma_async.sandbox.cruelty import Cruelty
from bluma_async.sandbox.profiles import draw_cruelty
from bluma_async.sandbox.server import Sandbox

__all__ = ["Cruelty", "Sandbox", "draw_cruelty"]

"""Star imports that a type checker must resolve. mypy reads this file; nothing runs it."""

from __future__ import annotations

from typing import Type

from bluma.errors import *  # noqa: F403 - what this file is about
from bluma.types import *  # noqa: F403 - what this file is about

ERROR: Type[Exception] = RateLimitError  # noqa: F405 - a name of a star import
NAMES = (BatchPlan, Video)  # noqa: F405 - names of star imports

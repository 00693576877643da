"""Call what the user passed in: plain functions and async ones alike."""

from __future__ import annotations

import inspect
from typing import Any, Callable

__all__ = ["call_back"]


async def call_back(function: Callable[..., Any], *args: Any) -> Any:
    """Call a user's function, await it if it is async, and return what it returns; what it raises ends the call."""
    outcome = function(*args)
    return await outcome if inspect.isawaitable(outcome) else outcome

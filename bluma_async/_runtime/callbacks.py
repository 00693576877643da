"""
Call what the user passed in: plain functions and async ones alike.

A blocking caller waits in a thread of its own; what it passed in runs there. The portal says so by setting `caller`.
"""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from typing import Any, Awaitable, Callable, Optional

__all__ = ["call_back", "caller"]

Caller = Callable[..., Awaitable[Any]]
caller: ContextVar[Optional[Caller]] = ContextVar("bluma_caller", default=None)


async def call_back(function: Callable[..., Any], *args: Any) -> Any:
    """Call a user's function, await it if it is async, and return what it returns; what it raises ends the call."""
    in_its_thread = caller.get()
    outcome = function(*args) if in_its_thread is None else await in_its_thread(function, *args)
    return await outcome if inspect.isawaitable(outcome) else outcome

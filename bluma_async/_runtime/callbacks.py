"""
Call the user's functions, plain and async ones.

The functions of a blocking caller run in that caller's thread, so that they may use thread-locals and call the client.
The portal of the blocking twin sets `caller` for this.
"""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from typing import Any, Awaitable, Callable, Optional

__all__ = ["call_back", "caller"]

Caller = Callable[..., Awaitable[Any]]
caller: ContextVar[Optional[Caller]] = ContextVar("bluma_caller", default=None)


async def call_back(function: Callable[..., Any], *args: Any) -> Any:
    """Call a user's function, await it if it is async, and return its result. Its exceptions are raised unchanged."""
    call_in_thread = caller.get()
    outcome = function(*args) if call_in_thread is None else await call_in_thread(function, *args)
    return await outcome if inspect.isawaitable(outcome) else outcome

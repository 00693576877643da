"""
Call the user's functions, plain and async ones, and hold the values that the blocking portal sets for each call.

The functions of a blocking caller run in that caller's thread, so that they may use thread-locals and call the client.
The portal sets `caller` for this. It sets `drop_reports` to an empty list, and calls the functions in it if the result
of the call does not reach the caller.
"""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from typing import Any, Awaitable, Callable, List, Optional

__all__ = ["Report", "call_back", "caller", "drop_reports"]

Caller = Callable[..., Awaitable[Any]]
Report = Callable[[], None]
caller: ContextVar[Optional[Caller]] = ContextVar("bluma_caller", default=None)
drop_reports: ContextVar[Optional[List[Report]]] = ContextVar("bluma_drop_reports", default=None)


async def call_back(function: Callable[..., Any], *args: Any) -> Any:
    """Call a user's function, await it if it is async, and return its result. Its exceptions are raised unchanged."""
    call_in_thread = caller.get()
    outcome = function(*args) if call_in_thread is None else await call_in_thread(function, *args)
    return await outcome if inspect.isawaitable(outcome) else outcome

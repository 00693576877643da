"""Run the user's functions during a transfer."""

from __future__ import annotations

from typing import Any, Awaitable, Callable

from bluma_async._runtime.callbacks import call_back
from bluma_async._wire.checks import require_callable

__all__ = ["OnBytes", "UserCallbacks"]

OnBytes = Callable[..., Any]


class UserCallbacks:
    """
    Runs `on_progress` and hooks, and keeps the exception that one of them raises.

    The exception may be one of the SDK's own, and on its way through the transport it may become a NetworkError.
    Without `raise_again`, the retry loop would take it for a failure of the connection.
    """

    def __init__(self, on_progress: OnBytes | None) -> None:
        require_callable("on_progress", on_progress)
        self._on_progress = on_progress
        self._raised: Exception | None = None

    async def report(self, done: int, total: int | None) -> None:
        """Report the bytes that are done, and the bytes of the whole file if they are known."""
        if self._on_progress is not None:
            await self.run(call_back(self._on_progress, done, total))

    async def run(self, work: Awaitable[Any]) -> None:
        """Await something that calls the user's functions."""
        try:
            await work
        except Exception as error:
            self._raised = error
            raise

    def raise_again(self) -> None:
        """Raise the exception that a function of the user raised, if one did."""
        if self._raised is not None:
            raise self._raised from None

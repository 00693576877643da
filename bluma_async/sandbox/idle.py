"""Idle connections: under Cruelty the server closes a connection that has carried no request for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict

if TYPE_CHECKING:
    import asyncio

    from bluma_async.sandbox.clock import Clock, Timer
    from bluma_async.sandbox.cruelty import CurrentCruelty

__all__ = ["IdleConnections"]


class IdleConnections:
    """One timer for each idle connection."""

    def __init__(self, clock: Clock, cruelty: CurrentCruelty) -> None:
        self._clock = clock
        self._cruelty = cruelty
        self._timers: Dict[asyncio.BaseTransport, Timer] = {}

    def mark_busy(self, transport: asyncio.BaseTransport | None) -> None:
        """Keep a connection open: it carries a request."""
        timer = self._timers.pop(transport, None) if transport is not None else None
        if timer is not None:
            timer.cancel()

    def mark_idle(self, transport: asyncio.BaseTransport | None) -> None:
        """Close a connection after `idle_close`, unless another request comes before."""
        limit = self._cruelty.value.idle_close
        if limit is not None and transport is not None:
            self._timers[transport] = self._clock.call_at(self._clock.time() + limit, lambda: self._close(transport))

    def stop(self) -> None:
        """Cancel all timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _close(self, transport: asyncio.BaseTransport) -> None:
        del self._timers[transport]
        transport.close()

"""An event loop whose time is virtual: it jumps to the next moment at which something is due."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any, Coroutine, List, Optional, TypeVar

T = TypeVar("T")
EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)


class DeadlockError(Exception):
    """Every task waits, and nothing is due."""


class _Selector:
    """Waits by moving the loop's time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: Optional[float]) -> List[Any]:
        if timeout is None:
            raise DeadlockError("all tasks wait for something that nobody will do")
        self._loop.seconds += timeout
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """asyncio's own loop, without sockets, over virtual seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self._selector = _Selector(self)
        self.failures: List[str] = []
        self.set_exception_handler(lambda _, context: self.failures.append(str(context.get("message"))))

    def time(self) -> float:
        return self.seconds

    def _process_events(self, event_list: List[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class VirtualClock:
    """The Clock port over a virtual loop; `ahead` is how many seconds this machine's wall clock is wrong."""

    def __init__(self, loop: VirtualLoop, ahead: float = 0.0) -> None:
        self._loop = loop
        self._ahead = ahead

    def now(self) -> float:
        return self._loop.seconds

    def utc(self) -> datetime:
        return EPOCH + timedelta(seconds=self._loop.seconds + self._ahead)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run_virtually(loop: VirtualLoop, work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, and close the loop; real time hardly passes."""
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

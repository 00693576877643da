"""
Give creates of one content turns: in this program, and among all programs of the user on this machine.

Rule 1: a turn is a file lock of the operating system, so it ends with its process, however that ends.
Rule 2: contents share a fixed number of lock files, which are never deleted: the folder stays small. Two contents that
share one wait for each other, which costs a moment and nothing else.
Rule 3: nobody waits forever: a program can be stopped while it has its turn.
Rule 4: a create holds one turn, and waits for no other while it does.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, AsyncGenerator, Dict, List

from bluma_async._runtime.file_lock import FileLock
from bluma_async._runtime.loop_local import LoopLocal
from bluma_async._runtime.state_folder import find_state_folder
from bluma_async._runtime.threads import in_thread
from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock

__all__ = ["ContentTurns"]

LONGEST_WAIT = 600.0  # seconds, without a deadline; no create takes as long, unless its program is stopped
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.5  # seconds between two attempts
STRIPE = 2  # hexadecimal digits of a content's hash: 256 lock files at most
WITHOUT = 'Nothing was bought; leave out reuse="content" to create without this.'


class _Queue:
    """The creates of one content in one event loop: one has the turn, and the others wait in their order."""

    def __init__(self) -> None:
        import asyncio  # noqa: PLC0415 - a fifth of the SDK's import time

        self.lock = asyncio.Lock()
        self.users = 0


class ContentTurns:
    """The turns of a client and its copies."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queues: LoopLocal[Dict[str, _Queue]] = LoopLocal(dict)

    @property
    def waiting(self) -> int:
        """How many creates have a turn or wait for one in this event loop."""
        return sum(queue.users for queue in self._queues.get().values())

    @asynccontextmanager
    async def acquire(self, content: str, longest_wait: float | None = None) -> AsyncGenerator[None, None]:
        """
        Wait until no other create of a content is under way, and keep the turn until the end of the block.

        Args:
            content: The hash of the content, in hexadecimal digits.
            longest_wait: Seconds to wait for another program at most; None for ten minutes.

        Raises:
            BlumaError: Another program has the turn all the time, or the lock file cannot be opened.
        """
        queues = self._queues.get()
        queue = queues.setdefault(content, _Queue())
        queue.users += 1
        try:
            async with queue.lock, self._locked(content, longest_wait or LONGEST_WAIT):
                yield
        finally:
            queue.users -= 1
            if not queue.users:
                del queues[content]

    @asynccontextmanager
    async def _locked(self, content: str, longest_wait: float) -> AsyncGenerator[None, None]:
        held: List[FileLock] = []  # filled by the thread, so that a lock is released also if its caller is cancelled
        try:
            ends, pause = self._clock.now() + longest_wait, FIRST_PAUSE
            while not await in_thread(_try_acquire, content, held):
                if self._clock.now() >= ends:
                    busy = f"Another program has been creating a video of the same content for {longest_wait:g} s."
                    raise BlumaError(f"{busy} {WITHOUT}")
                await self._clock.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            yield
        finally:
            for lock in held:
                await in_thread(lock.release)


def _try_acquire(content: str, held: List[FileLock]) -> bool:
    folder = find_state_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock.acquire(folder / f"contents-{content[:STRIPE]}.lock")
    except OSError as problem:
        reason = problem.strerror or problem
        raise BlumaError(
            f"The turn of a content could not be taken in {str(folder)!r}: {reason}. {WITHOUT}"
        ) from problem
    if lock is not None:
        held.append(lock)
    return lock is not None

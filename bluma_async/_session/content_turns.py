"""
Give creates of one content turns: in this program, and among all programs of the user on this machine.

Rule 1: a turn is a file lock of the operating system, so it ends with its process, however that ends.
Rule 2: each content has a lock file of its own, which its holder deletes: the folder stays small. With a fixed number
of files, creates of different contents would wait for each other, for as long as a search for a lost answer takes.
Rule 3: nobody waits forever: a program can be stopped while it has its turn.
Rule 4: a create holds one turn, and waits for no other while it does.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, AsyncGenerator, Dict, List

from bluma_async._runtime.file_lock import FileLock
from bluma_async._runtime.loop_local import LoopLocal
from bluma_async._runtime.state_folder import find_state_folder
from bluma_async._runtime.threads import in_thread
from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock

__all__ = ["ContentBusyError", "ContentTurns"]

LONGEST_WAIT = 600.0  # seconds, without a deadline; no create takes as long, unless its program is stopped
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.5  # seconds between two attempts
WITHOUT = 'Nothing was bought; leave out reuse="content" to create without this.'


class ContentBusyError(BlumaError):
    """Another create of the content kept the turn until the wait ended. Nothing was bought."""


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

    @asynccontextmanager
    async def acquire(self, content: str, longest_wait: float | None = None) -> AsyncGenerator[None, None]:
        """
        Wait until no other create of a content is under way, and keep the turn until the end of the block.

        Args:
            content: The hash of the content, in hexadecimal digits.
            longest_wait: Seconds to wait at most; None waits for creates of this program as long as they take, and for
                another program for ten minutes.

        Raises:
            ContentBusyError: Another create of the content kept the turn until the wait ended.
            BlumaError: The lock file cannot be opened.
        """
        queues, began = self._queues.get(), self._clock.now()
        queue = queues.setdefault(content, _Queue())
        queue.users += 1
        try:
            async with self._first_in(queue, longest_wait):
                ends = self._clock.now() + LONGEST_WAIT if longest_wait is None else began + longest_wait
                async with self._locked(content, began, ends):
                    yield
        finally:
            queue.users -= 1
            if not queue.users:
                del queues[content]

    @asynccontextmanager
    async def _first_in(self, queue: _Queue, longest_wait: float | None) -> AsyncGenerator[None, None]:
        """Wait for the other creates of this event loop, in their order."""
        import asyncio  # noqa: PLC0415 - a fifth of the SDK's import time

        if longest_wait is None:
            async with queue.lock:
                yield
            return
        turn, nap = asyncio.ensure_future(queue.lock.acquire()), asyncio.ensure_future(self._clock.sleep(longest_wait))
        try:
            await asyncio.wait({turn, nap}, return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                raise _busy("Another create", longest_wait)
            yield
        finally:
            nap.cancel()
            turn.cancel()  # it can acquire the lock all the same, at this moment
            turn.add_done_callback(lambda done: None if done.cancelled() else queue.lock.release())

    @asynccontextmanager
    async def _locked(self, content: str, began: float, ends: float) -> AsyncGenerator[None, None]:
        held: List[FileLock] = []  # filled by the thread, so that a lock is released also if its caller is cancelled
        try:
            pause = FIRST_PAUSE
            while not await in_thread(_try_acquire, content, held):
                if self._clock.now() >= ends:
                    raise _busy("Another program", self._clock.now() - began)
                await self._clock.sleep(min(pause, max(ends - self._clock.now(), 0.0)))
                pause = min(pause * 2, LONGEST_PAUSE)
            yield
        finally:
            for lock in held:
                await in_thread(partial(lock.release, remove=True))


def _busy(who: str, seconds: float) -> ContentBusyError:
    busy = f"{who} has been creating a video of the same content for {seconds:.3g} s."
    return ContentBusyError(f"{busy} {WITHOUT}", status=503)


def _try_acquire(content: str, held: List[FileLock]) -> bool:
    folder = find_state_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock.acquire(folder / f"content-{content}.lock")
    except OSError as problem:
        reason = problem.strerror or problem
        raise BlumaError(
            f"The turn of a content could not be taken in {str(folder)!r}: {reason}. {WITHOUT}"
        ) from problem
    if lock is not None:
        held.append(lock)
    return lock is not None

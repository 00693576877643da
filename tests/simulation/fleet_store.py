"""The store of a simulated fleet, and the connection of each worker to it: it takes time, and it can be lost."""

from __future__ import annotations

import asyncio
import inspect
import random
from datetime import datetime
from typing import Any, Awaitable, Callable, Coroutine, Type

from bluma_async._runtime.tasks import finish
from bluma_async.errors import BlumaError
from bluma_async.stores.jobs import Outcome
from bluma_async.stores.memory.claims import MemorySharing
from bluma_async.stores.memory.members import SharedMemory
from bluma_async.stores.memory.shared import SharedJobStore
from bluma_async.stores.sharing import LEASE
from bluma_async.stores.transitions import Change
from bluma_async.types._model import utc_now
from tests.simulation.virtual import Killed, VirtualLoop, spawn_outside

PATIENCE = 30.0  # seconds for which a lost connection is retried, as `postgres/database.py` does
LONGEST_PAUSE = 2.0
ONCE = {"plan_all", "submit", "free", "leave"}  # actions that are not repeated
HERE = {"pause", "read_limit"}  # coroutines that are not actions of the store, or of fleets that have no limit


class MemberStore(SharedJobStore):
    """One worker's view of the store, at the store's end of the connection."""

    is_repeated = False
    fingerprint: str | None = None
    sharing_class: Type[MemorySharing] = MemorySharing

    heeds_age = True  # whether the worker sends only what was announced less than a few seconds ago

    def __init__(self, memory: SharedMemory, now: Callable[[], datetime] = utc_now, lease: float = LEASE) -> None:
        """Join the members; the lease is renewed by the worker, over its line."""
        super().__init__(memory, now, lease)
        self.sharing = self.sharing_class(memory, self.sharing.epoch, lease)

    async def read_account(self) -> str | None:
        """Return this worker's own: workers have one key, and different URLs, so that they share no memory."""
        return self.fingerprint

    async def _move(self, place: int, change: Change) -> Outcome:
        return self.move(place, change, is_repeated=self.is_repeated)


class LostError(Exception):
    """The connection broke; the action may have been done."""


class Line:
    """The connection of one worker."""

    def __init__(self, loop: VirtualLoop, latency: float, lost: float, chance: random.Random) -> None:
        """
        Connect a worker.

        Args:
            loop: The loop of the run.
            latency: Seconds each way, on average.
            lost: Share of actions that are done, and whose connection breaks before their answer.
            chance: Decides.
        """
        self._loop = loop
        self._lost = lost
        self._latency = latency
        self._chance = chance
        self.is_cut = False
        self.is_dead = False

    async def do(self, action: Callable[[bool], Any], *, retries: bool) -> Any:
        """Do an action, also if the caller is cancelled; it is told whether it may have been done before."""
        return await finish(self._do(action, PATIENCE if retries else 0.0))

    async def _do(self, action: Callable[[bool], Any], patience: float) -> Any:
        began, pause, is_repeated = self._loop.time(), 0.05, False
        while True:
            if self.is_dead:
                raise Killed
            try:
                return await self._exchange(action, is_repeated=is_repeated)
            except LostError:
                if self._loop.time() - began + pause > patience:
                    raise BlumaError("The journal could not be used: the connection is lost.") from None
            is_repeated = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _exchange(self, action: Callable[[bool], Any], *, is_repeated: bool) -> Any:
        if self.is_cut:
            raise LostError
        answered = self._loop.create_future()
        answered.add_done_callback(lambda future: future.cancelled() or future.exception())  # nobody may be there
        spawn_outside(self._loop, self._serve(action, is_repeated, answered))
        answer = await answered
        if self.is_dead:
            raise Killed
        return answer

    async def _serve(self, action: Callable[[bool], Any], is_repeated: bool, answered: asyncio.Future[Any]) -> None:
        """Do an action at the store's end, whatever becomes of the worker meanwhile."""
        await asyncio.sleep(self._latency * self._chance.uniform(0.5, 1.5))
        result: Any = None
        failure: BaseException | None = LostError() if self.is_cut else None
        if failure is None:
            try:
                result = action(is_repeated)
            except Exception as problem:  # noqa: BLE001 - whatever it is, the worker sees it
                failure = problem
            await asyncio.sleep(self._latency * self._chance.uniform(0.5, 1.5))
            if self.is_cut or self._chance.random() < self._lost:
                failure = LostError()
        if not answered.done():
            answered.set_result(result) if failure is None else answered.set_exception(failure)


class Connected:
    """A store, or a part of it, at the other end of a line."""

    def __init__(self, target: Any, store: MemberStore, line: Line) -> None:
        self._target = target
        self._store = store
        self._line = line

    @property
    def sharing(self) -> Connected:
        """What the members share, at the other end of the line too."""
        return Connected(self._target.sharing, self._store, self._line)

    def find_budget(self, fingerprint: str) -> Connected:
        """Return the budget, at the other end of the line too."""
        return Connected(self._target.find_budget(fingerprint), self._store, self._line)

    async def close(self) -> None:
        """Leave, if the store can be reached; the lease ends by itself otherwise."""
        try:
            await self.sharing.leave()
        except BlumaError:
            return

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        return self._connect(name, value) if inspect.iscoroutinefunction(value) and name not in HERE else value

    def _connect(self, name: str, method: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Awaitable[Any]]:
        def call(*args: Any, **kwargs: Any) -> Awaitable[Any]:
            def action(is_repeated: bool) -> Any:
                self._store.is_repeated = is_repeated
                try:
                    return finish_now(method(*args, **kwargs))
                finally:
                    self._store.is_repeated = False

            return self._line.do(action, retries=name not in ONCE)

        return call


def finish_now(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing, and return its result."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    work.close()
    raise AssertionError("an action of the store waited")

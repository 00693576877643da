"""A task engine for simulated workers: it delivers late, twice, to anybody, or never."""

from __future__ import annotations

import asyncio
import random
from typing import Dict, List, Tuple

import attrs

from bluma_async.fleet.engine import Task

Message = Tuple[str, int]


@attrs.define(eq=False)
class Broker:
    """The messages of a fleet."""

    chance: random.Random
    lost: float  # share of messages that nobody gets
    repeated: float  # share of messages that are delivered once more
    latest: float  # seconds until a message is delivered, at most
    messages: List[Message] = attrs.field(factory=lambda: [])  # noqa: PIE807 - typed, unlike `list`
    lost_count: int = 0
    repeated_count: int = 0

    def put(self, message: Message) -> None:
        """Deliver a message some time, or never, or twice."""
        if self.chance.random() < self.lost:
            self.lost_count += 1
            return
        is_repeated = self.chance.random() < self.repeated
        self.repeated_count += is_repeated
        for _ in range(1 + is_repeated):
            delay = self.chance.uniform(0.0, self.latest)
            asyncio.get_running_loop().call_later(delay, self.messages.append, message)

    def flush(self, _: float) -> None:
        """Forget every message that was not taken yet."""
        self.lost_count += len(self.messages)
        self.messages.clear()


class SimulatedEngine:
    """The engine of one worker."""

    def __init__(self, broker: Broker, concurrency: int) -> None:
        self._broker = broker
        self._concurrency = concurrency
        self._tasks: Dict[str, Task] = {}
        self._periods: Dict[str, float] = {}
        self.is_stopping = False
        self.failures: List[BaseException] = []

    def register(self, name: str, task: Task) -> None:
        """Let this worker run tasks of a name."""
        self._tasks[name] = task

    async def defer(self, name: str, place: int) -> None:
        """Give a message to the broker."""
        self._broker.put((name, place))

    def periodic(self, name: str, seconds: float) -> None:
        """Run a task about every so many seconds, in this worker."""
        self._periods[name] = seconds

    async def run(self) -> None:
        """Run tasks until the worker is asked to stop; tasks that run are finished."""
        periods = [asyncio.ensure_future(self._repeat(*period)) for period in self._periods.items()]
        takers = [asyncio.ensure_future(self._take()) for _ in range(self._concurrency)]
        try:
            await asyncio.gather(*takers)
        finally:
            for task in (*periods, *takers):
                task.cancel()
            await asyncio.gather(*periods, *takers, return_exceptions=True)

    async def _take(self) -> None:
        while not self.is_stopping:
            if not self._broker.messages:
                await asyncio.sleep(0.5)
                continue
            name, place = self._broker.messages.pop(0)
            await self._run(name, place)

    async def _repeat(self, name: str, seconds: float) -> None:
        while True:
            await self._run(name, None)
            await asyncio.sleep(seconds)

    async def _run(self, name: str, place: int | None) -> None:
        try:
            await self._tasks[name](place)
        except Exception as problem:  # noqa: BLE001 - an engine goes on, whatever a task raises
            self.failures.append(problem)

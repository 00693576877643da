"""The jobs that a run claims of a shared store, while its own creates wait for turns."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, List

from bluma_async.batch.api import StopSignal
from bluma_async.batch.sharing import SharedJobs
from tests.stores.test_sharing import MemoryFleet, intend


class Unhurried:
    """A store whose answer to one question is awaited until an event."""

    def __init__(self, sharing: Any) -> None:
        self._sharing = sharing
        self.asked, self.answers = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sharing, name)

    async def is_over(self, *given: Any) -> bool:
        """Return the answer of the store, as it is after the event."""
        self.asked.set()
        await self.answers.wait()
        return bool(await self._sharing.is_over(*given))


class Unsettled:
    """A recovery that is still searching."""

    def __init__(self) -> None:
        self.registered: List[str] = []

    def register(self, job: Any) -> None:
        self.registered.append(job.key)

    def is_settled(self, _: Any) -> bool:
        return False

    async def settled(self, _: Any) -> None:
        await asyncio.Event().wait()


async def test_a_run_does_not_end_while_it_claims_a_create() -> None:
    """It asks whether jobs are left; meanwhile a create that waits for its turn claims the last one."""
    fleet = MemoryFleet()
    dead, mine = await fleet.join(), await fleet.join()
    await intend(dead, "k", "mine", settles_after=60.0)
    await fleet.expire(dead)
    sharing, api = Unhurried(mine.sharing), SimpleNamespace(settlers=[])
    recovery, options = Unsettled(), SimpleNamespace(saves_files=False, is_complete=None)
    shared = SharedJobs(mine, sharing, api, recovery, StopSignal(), options)  # type: ignore[arg-type]  # parts of them
    shared.settle_for_turns()

    async def run() -> List[Any]:
        return [job async for job in shared.claims()]

    running = asyncio.ensure_future(run())
    await sharing.asked.wait()
    await fleet.pass_time(61.0)
    claiming = asyncio.ensure_future(api.settlers[0]())
    await asyncio.sleep(0)
    sharing.answers.set()
    await claiming
    await asyncio.sleep(0)

    assert recovery.registered == ["k"]
    assert not running.done()
    for task in (running, *shared._watches):
        task.cancel()
    await asyncio.gather(running, *shared._watches, return_exceptions=True)
    for store in fleet.opened:
        await store.close()

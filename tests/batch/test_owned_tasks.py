"""Work in tasks of its own: one cancellation, time to end, and an owner that waits for it."""

from __future__ import annotations

import asyncio
from typing import List

import anyio
import pytest

from bluma_async.batch.owned_tasks import OwnedTasks


class Work:
    """Work that needs time to end after it was cancelled, as a create in flight does."""

    def __init__(self) -> None:
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.steps: List[str] = []

    async def __call__(self) -> str:
        try:
            self.has_begun.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.steps.append("cancelled")
            try:
                await self.may_end.wait()
            finally:
                self.steps.append("ended" if self.may_end.is_set() else "cancelled again")
            raise
        return "never"


async def settle_down() -> None:
    """Let every task run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_scope_that_cancels_again_and_again_cancels_the_work_once() -> None:
    """The caller ends at once; the work ends in its own time, and its owner waits for it."""
    owned, work = OwnedTasks(), Work()
    async with anyio.create_task_group() as group:
        group.start_soon(owned.run, work())
        await work.has_begun.wait()
        group.cancel_scope.cancel()
    ending = asyncio.ensure_future(owned.end())
    await settle_down()
    has_waited = not ending.done()

    work.may_end.set()
    await ending

    assert (has_waited, work.steps) == (True, ["cancelled", "ended"])


async def test_the_end_cancels_what_nobody_has_cancelled() -> None:
    """The caller of that work gets the cancellation; without work the end is at once."""
    owned, work = OwnedTasks(), Work()
    work.may_end.set()
    running = asyncio.ensure_future(owned.run(work()))
    await work.has_begun.wait()

    await owned.end()
    await owned.end()

    assert work.steps == ["cancelled", "ended"]
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_results_and_errors_reach_the_caller() -> None:
    """Work that is not cancelled is like a call. An error that no caller is left for is not logged."""
    owned = OwnedTasks()

    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await owned.run(fail())
    assert await owned.run(asyncio.sleep(0, "done")) == "done"

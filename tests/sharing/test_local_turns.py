"""Turns within one event loop: none is lost, however a task that waits for one ends."""

from __future__ import annotations

import asyncio

import pytest

from bluma_async.sharing.local_turns import LocalTurns


async def hold(turns: LocalTurns, template: str, within: float | None = None) -> None:
    """Take a turn, and give it back at once."""
    async with turns.acquire(template, within):
        await asyncio.sleep(0)


async def test_a_turn_that_does_not_come_in_time_is_an_error() -> None:
    """Another template has turns of its own, and the turn is free afterwards."""
    turns = LocalTurns()

    async with turns.acquire("a", None):
        with pytest.raises(asyncio.TimeoutError):
            await hold(turns, "a", 0.01)
        await hold(turns, "b", 0.01)

    await hold(turns, "a", 0.01)


@pytest.mark.parametrize("steps", range(6))
async def test_a_task_that_is_cancelled_while_it_gets_its_turn_leaves_it(steps: int) -> None:
    """At whichever step of the event loop that happens."""
    turns = LocalTurns()
    async with turns.acquire("a", None):
        waiting = asyncio.ensure_future(hold(turns, "a"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    for _ in range(steps):
        await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    await hold(turns, "a", 0.5)

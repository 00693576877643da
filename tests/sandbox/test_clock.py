"""The real clock: it runs, stands still while it is paused, and can be moved meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any, List

import pytest

from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.clock import RealClock
from tests.sandbox.conftest import Plain


async def test_a_paused_clock_calls_nothing() -> None:
    """The time stands still, and a timer that is due waits for the end of the pause."""
    clock, called = RealClock(speed=1000.0), []
    begin = clock.time()
    clock.call_at(begin + 5, lambda: called.append("due"))
    clock.pause()
    paused = clock.time()
    await asyncio.sleep(0.02)

    assert (clock.time(), called) == (paused, [])
    clock.resume()
    await asyncio.sleep(0.05)
    assert called == ["due"]


async def test_a_paused_clock_moves_in_order() -> None:
    """Callbacks run at their own times, also one that another schedules; a cancelled one does not run."""
    clock = RealClock()
    clock.pause()
    begin = clock.time()
    called: List[Any] = []

    def note(name: str) -> None:
        called.append((name, clock.time() - begin))

    clock.call_at(begin + 20, lambda: note("second"))

    def begin_more() -> None:
        note("first")
        clock.call_at(begin + 15, lambda: note("between"))
        late.cancel()

    clock.call_at(begin + 10, begin_more)
    late = clock.call_at(begin + 25, lambda: note("late"))
    clock.advance(30)

    assert called == [("first", pytest.approx(10)), ("between", pytest.approx(15)), ("second", pytest.approx(20))]
    assert clock.time() == pytest.approx(begin + 30)
    assert not clock.timers


async def test_a_running_clock_is_not_moved() -> None:
    """Only a pause lets a real clock be moved."""
    with pytest.raises(ValueError, match="manual"):
        RealClock().advance(1)


async def test_a_sandbox_is_paused_and_moved(plain: Plain) -> None:
    """A video of a real clock is completed at once, by a pause and a move."""
    async with Sandbox(render=False) as sandbox:
        plain.sandbox = sandbox
        video = await plain.make()
        sandbox.pause()
        await sandbox.advance(105)
        _, done, _ = await plain("GET", f"/videos/{video['id']}")
        sandbox.pause(is_paused=False)
        moves: List[Any] = [{"paused": True}, {"advance": 1}, {"paused": False}, {"advance": 1}]
        statuses = [(await plain("POST", "/_sandbox/clock", body))[0] for body in moves]

    assert done["status"] == "completed"
    assert statuses == [200, 200, 200, 400]


async def test_a_manual_clock_is_not_paused(sandbox: Sandbox, plain: Plain) -> None:
    """A manual clock cannot be paused, because it never runs by itself."""
    with pytest.raises(ValueError, match="manual"):
        sandbox.pause()
    assert (await plain("POST", "/_sandbox/clock", {"paused": True}))[0] == 400

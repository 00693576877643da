"""A program cancels all tasks of its loop but some: the waits that go on are polled for as before."""

from __future__ import annotations

import asyncio
import gc
from typing import Any, Tuple, Type

import pytest

from bluma_async.errors import WaitTimeoutError
from bluma_async.waiting.hub import PollHub
from bluma_async.waiting.pace import Pace
from tests.fakes import FakeClock
from tests.waiting.test_poller import Source, begin, settle


class ClockThatStandsStill(FakeClock):
    """A clock whose first sleep never ends."""

    async def sleep(self, seconds: float) -> None:
        if not self.slept:
            self.slept.append(seconds)
            await asyncio.Event().wait()
        await super().sleep(seconds)


class InterruptedSource(Source):
    """A source that ends the poller's first step as Ctrl-C does, with an exception that is not an Exception."""

    interrupt: Type[BaseException] | None = None

    def pace(self) -> Pace:
        interrupt, self.interrupt = self.interrupt, None
        if interrupt is not None:
            raise interrupt
        return super().pace()


async def cancel_others(*kept: asyncio.Future[str]) -> None:
    """Cancel all tasks but this one and some waits, as a handler of SIGTERM does."""
    others = asyncio.all_tasks() - {asyncio.current_task(), *kept}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def begin_until_pause(**options: Any) -> Tuple[PollHub, Source, asyncio.Future[str]]:
    """Begin a wait for a job that runs. Its poller has polled once, and sleeps until it is cancelled."""
    clock = ClockThatStandsStill()
    hub, source = PollHub(clock), Source(clock)
    source.gate.set()
    source.states["a"] = "running"
    wait = begin(hub, source, "a", **options)
    await settle()
    return hub, source, wait


@pytest.mark.parametrize("jobs_per_poll", [1, 20])
async def test_a_request_that_is_cancelled_is_sent_again(jobs_per_poll: int) -> None:
    """The reads of some jobs, or the list of many, are in flight when their tasks are cancelled."""
    clock = FakeClock()
    hub, source = PollHub(clock), Source(clock, jobs_per_poll)
    source.active = ({}, 1)
    waits = [begin(hub, source, name) for name in "abcdef"]
    await settle()

    await cancel_others(*waits)
    source.gate.set()

    assert await asyncio.gather(*waits) == ["done"] * 6
    assert hub._pollers == {}


async def test_a_poller_that_is_cancelled_starts_again() -> None:
    """It sleeps between two polls when its task is cancelled; the next poll is sent all the same."""
    hub, source, wait = await begin_until_pause()
    source.states["a"] = "done"

    await cancel_others(wait)

    assert await wait == "done"
    assert source.polled == [["a"], ["a"]]
    assert hub._pollers == {}


async def test_a_wait_times_out_although_its_poller_was_cancelled() -> None:
    """The deadline of a wait holds, whatever becomes of the tasks that serve it."""
    _, _, wait = await begin_until_pause(timeout=12)

    await cancel_others(wait)

    with pytest.raises(WaitTimeoutError):
        await wait


async def test_a_poller_ends_with_the_last_wait() -> None:
    """A wait that is cancelled together with its poller leaves nothing behind."""
    hub, _, wait = await begin_until_pause()

    await cancel_others()

    assert wait.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert hub._pollers == {}


@pytest.mark.parametrize("steps", range(1, 9))
async def test_all_tasks_are_cancelled_in_any_step_after_a_wait_began(steps: int) -> None:
    """The poller, and then its request, has not begun when its task is cancelled: its coroutine never runs."""
    clock = FakeClock()
    hub, source = PollHub(clock), Source(clock)
    wait = begin(hub, source, "a", timeout=12)
    for _ in range(steps):
        await asyncio.sleep(0)

    await cancel_others(wait)
    source.gate.set()

    assert await asyncio.wait_for(wait, 5) == "done"
    assert clock.time == 1000.0  # the job is polled again at once
    assert hub._pollers == {}


async def test_a_poller_that_is_cancelled_twice_starts_again() -> None:
    """The second cancellation hits the new task of the poller before its first step."""
    hub, source, wait = await begin_until_pause()
    source.states["a"] = "done"

    for _ in range(4):
        for task in asyncio.all_tasks() - {asyncio.current_task(), wait}:
            task.cancel()
        await asyncio.sleep(0)

    assert await asyncio.wait_for(wait, 5) == "done"
    assert hub._pollers == {}


async def test_a_list_that_is_cancelled_before_its_first_step_is_sent_at_once() -> None:
    """It is not in flight, and counts for no pause: it has sent nothing."""
    clock = FakeClock()
    hub, source = PollHub(clock), Source(clock)
    source.active = ({}, 1)
    source.gate.set()
    waits = [begin(hub, source, name) for name in "abcdef"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert source.lists == 0

    await cancel_others(*waits)

    assert await asyncio.wait_for(asyncio.gather(*waits), 5) == ["done"] * 6
    assert (source.lists, clock.time) == (1, 1000.0)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_a_wait_goes_on_with_its_loop_after_an_interrupt(interrupt: Type[BaseException]) -> None:
    """A notebook runs its loop on after Ctrl-C in the poller; nothing is logged of it."""
    loop, reports = asyncio.new_event_loop(), []
    loop.set_exception_handler(lambda _, report: reports.append(report))

    async def start() -> asyncio.Future[str]:
        clock = FakeClock()
        source = InterruptedSource(clock)
        source.interrupt = interrupt
        source.gate.set()
        return begin(PollHub(clock), source, "a")

    wait = loop.run_until_complete(start())
    with pytest.raises(interrupt):
        loop.run_until_complete(wait)
    result = loop.run_until_complete(asyncio.wait_for(wait, 5))
    loop.close()
    gc.collect(1)  # what this test has made is young; a whole collection takes long in a long run

    assert (result, reports) == ("done", [])

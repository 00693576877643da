"""Deadlines of waits under every pace: whatever is postponed, the poller wakes up in time to end a wait."""

from __future__ import annotations

import asyncio
import math
from typing import List

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluma_async._wire.budget import RateLimit
from bluma_async.errors import WaitTimeoutError
from bluma_async.waiting.entries import Entry
from bluma_async.waiting.hub import PollHub
from bluma_async.waiting.list_limits import Limits, ListState, next_list
from bluma_async.waiting.pace import Pace
from bluma_async.waiting.plan import EARLY, Plan, next_turn, next_wake, plan
from tests.fakes import FakeClock
from tests.waiting.planning import NOW, budget, entry, waiter
from tests.waiting.test_poller import Source, begin

MOST_STEPS = 2000


class PacedSource(Source):
    """Jobs that are never done, under a budget that answers have reported."""

    def __init__(self, clock: FakeClock, pace: Pace) -> None:
        super().__init__(clock, jobs_per_poll=1)
        self.given_pace = pace
        self.gate.set()

    def pace(self) -> Pace:
        return self.given_pace


def act(step: Plan, now: float, entries: List[Entry], pace: Pace, limits: Limits) -> Limits:
    """Do what the poller does in a step; requests are answered at once, and show that no job is finished."""
    for each, moment in step.deferred:
        each.due = moment
    read = [each for group in step.reads for each in group]
    turns = [*step.postponed, *((each, next_turn(each, now, now + pace.spacing(), limits)) for each in read)]
    again = limits.next_list
    if step.list_for is not None:
        again = next_list(now, pace, 1, len(entries))
        turns += [(each, next_turn(each, now, again, limits)) for each in entries]
    for each, moment in turns:
        each.due, each.last_turn = moment, now
    return attrs.evolve(limits, next_list=again)


def ends_of(jobs: List[Entry], pace: Pace, limits: Limits) -> List[float]:
    """Run a poller until its waits have timed out, and return the seconds by which each one is late."""
    now, late, entries = NOW, [], list(jobs)
    for _ in range(MOST_STEPS):
        step = plan(now, entries, pace, limits)
        limits = act(step, now, entries, pace, limits)
        for each, _ in step.expired:
            late.append(now - each.ends)
            entries.remove(each)
        if not entries:
            return late
        now = now if step.expired else max(next_wake(now, entries), now)
    raise AssertionError(f"{len(entries)} waits have not ended by {now - NOW} s")


paces = st.one_of(
    st.just(Pace()),
    st.builds(
        Pace,
        st.builds(
            RateLimit,
            limit=st.sampled_from([1, 100, 1000]),
            remaining=st.sampled_from([0, 1, 5, 99, 1000]),
            reset_after=st.one_of(st.none(), st.floats(0, 5000)),
        ),
        age=st.floats(0, 5000),
    ),
)


@given(
    timeouts=st.lists(st.floats(0, 60), min_size=1, max_size=8),
    interval=st.floats(0.5, 100),
    pace=paces,
    jobs_per_poll=st.sampled_from([1, 20]),
    list_state=st.sampled_from(ListState),
)
def test_every_wait_ends_at_its_deadline(
    timeouts: List[float], interval: float, pace: Pace, jobs_per_poll: int, list_state: ListState
) -> None:
    """Few jobs or many, with lists or bulk reads, and a budget that is free, nearly spent or spent."""
    jobs = [entry(f"j{number}", waiter(NOW + each, interval)) for number, each in enumerate(timeouts)]
    lists_again = math.inf if jobs_per_poll > 1 else -math.inf

    late = ends_of(jobs, pace, Limits(jobs_per_poll, lists_again=lists_again, list_state=list_state))

    assert len(late) == len(jobs)
    assert all(-EARLY <= seconds <= EARLY for seconds in late)


@pytest.mark.parametrize("count", [1, 6])
async def test_a_spent_budget_holds_no_wait_beyond_its_deadline(count: int) -> None:
    """The budget is reset in ten minutes; the waits time out after one second, without a request."""
    clock = FakeClock()
    source, hub = PacedSource(clock, budget(0, reset_after=600)), PollHub(clock)

    waits = [begin(hub, source, f"j{number}", timeout=1) for number in range(count)]
    ended = await asyncio.gather(*waits, return_exceptions=True)

    assert {type(error) for error in ended} == {WaitTimeoutError}
    assert (sum(clock.slept), source.polled, source.lists) == (1, [], 0)

"""Lists of active jobs that fail for now: single reads replace them, unless the whole server is down."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import pytest

from bluma_async.errors import APIError, NetworkError, RateLimitError, ServerError, WaitTimeoutError
from bluma_async.waiting.hub import PollHub
from bluma_async.waiting.list_limits import RELIST, SUSPECT_TIME, Limits, ListState
from bluma_async.waiting.plan import plan
from tests.fakes import FakeClock
from tests.waiting.planning import FREE, LATER, NOW, budget, ids, in_flight, many, turns
from tests.waiting.test_poller import Source, begin

NAMES = "abcdefghijkl"
BROKEN = ServerError("broken", status=503)


class LoggedSource(Source):
    """A source that records the moment of each request, and whose jobs cannot be read if they are in `unreadable`."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock, jobs_per_poll=1)
        self.gate.set()
        self.active = BROKEN
        self.states = dict.fromkeys(NAMES, "processing")
        self.sent: List[Tuple[float, str]] = []
        self.within: List[float] = []  # the seconds that each list may take
        self.unreadable = ""
        self.failure: Exception = BROKEN
        self.began = clock.time

    async def poll(self, job_ids: Sequence[str], within: float) -> Mapping[str, Optional[Any]]:
        self.sent.append((self.clock.time - self.began, job_ids[0]))
        if job_ids[0] in self.unreadable:
            self.clock.time += 0.01  # it takes time to fail
            raise self.failure
        return await super().poll(job_ids, within)

    async def list_active(self, most_pages: int, within: float) -> Any:
        self.sent.append((self.clock.time - self.began, "list"))
        self.within.append(within)
        return await super().list_active(most_pages, within)


def at(source: LoggedSource) -> Dict[float, List[str]]:
    """Return the requests of each moment."""
    return {moment: [name for when, name in source.sent if when == moment] for moment, _ in source.sent}


async def run(source: LoggedSource, **options: Any) -> List[Any]:
    """Wait for all jobs, and return the states or errors."""
    hub = PollHub(source.clock)
    return await asyncio.gather(*(begin(hub, source, name, **options) for name in NAMES), return_exceptions=True)


@pytest.mark.parametrize(
    "failure", [BROKEN, ServerError("broken", status=500), RateLimitError("no", status=429), NetworkError("cut")]
)
async def test_lists_that_keep_failing_hold_no_wait(failure: APIError) -> None:
    """One job is read by itself at the next turn; its answer shows that only lists are broken."""
    source = LoggedSource(FakeClock())
    source.active, source.states = failure, {}

    done = await run(source)

    assert done == ["done"] * len(NAMES)
    requests = at(source)
    assert requests[0.0] == ["list"]
    assert requests[5.0][:2] == ["a", "list"]
    assert sorted(requests[5.0][2:]) == list(NAMES[1:])
    assert list(requests) == [0.0, 5.0]
    assert source.within == [600.0, SUSPECT_TIME]


async def test_a_server_that_is_down_gets_one_request_at_a_turn() -> None:
    """As many as with lists alone, until the last poll of each wait."""
    source = LoggedSource(FakeClock())
    source.unreadable = NAMES

    ended = await run(source, timeout=60)

    assert {type(error) for error in ended} == {WaitTimeoutError}
    requests = at(source)
    before = [sent for moment, sent in requests.items() if moment < 60]
    assert [len(sent) for sent in before] == [1] * 12
    assert len(source.sent) == 12 + len(NAMES)


async def test_waits_with_other_intervals_send_no_more_to_a_server_that_is_down() -> None:
    """All jobs have one turn together, although each would be due at another moment."""
    source = LoggedSource(FakeClock())
    source.unreadable = NAMES
    hub = PollHub(source.clock)

    waits = [begin(hub, source, name, poll_interval=5 + number / 7, timeout=60) for number, name in enumerate(NAMES)]
    await asyncio.gather(*waits, return_exceptions=True)

    assert 5 <= len([moment for moment, _ in source.sent if moment < 59.9]) <= 12


async def test_a_server_that_asks_for_a_pause_gets_one() -> None:
    """Retry-After holds for all jobs, and not only for the one whose read was refused."""
    source = LoggedSource(FakeClock())
    source.active = source.failure = RateLimitError("no", status=429, retry_after=20)
    source.unreadable = NAMES

    await run(source, timeout=60, poll_interval=1)

    assert [round(moment) for moment, _ in source.sent if moment < 59.9] == [0, 20, 40]


async def test_after_one_failed_list_the_next_one_is_used() -> None:
    """One answer to a single read, and the list is tried again at once; no other job is read by itself."""
    source = LoggedSource(FakeClock())

    def recover(lists: int) -> None:
        source.active = (dict(source.states), 1) if lists < 4 else ({}, 1)
        source.states = source.states if lists < 4 else {}

    source.on_list = recover
    done = await run(source)

    assert done == ["done"] * len(NAMES)
    assert [at(source)[moment] for moment in (0.0, 5.0, 10.0, 15.0)] == [["list"], ["a", "list"], ["list"], ["list"]]


async def test_lists_are_used_again_when_they_work() -> None:
    """After a minute of single reads a list is tried again."""
    source = LoggedSource(FakeClock())

    def recover(lists: int) -> None:
        if lists >= 2:
            source.active = (dict(source.states), 1)

    source.on_list = recover
    await run(source, timeout=120)

    later = [sent for moment, sent in at(source).items() if 5 + RELIST <= moment < 120]
    assert len(at(source)[10.0]) == len(NAMES)
    assert later == [["list"]] * len(later)
    assert len(later) >= 10


async def test_a_job_that_cannot_be_read_does_not_stand_for_the_server() -> None:
    """The next turn tries another one."""
    source = LoggedSource(FakeClock())
    source.states, source.unreadable = {}, "a"

    done = await run(source, timeout=60)

    assert done[1:] == ["done"] * (len(NAMES) - 1)
    assert isinstance(done[0], WaitTimeoutError)
    assert [sent[:1] for sent in at(source).values()][:3] == [["list"], ["a"], ["b"]]


def test_no_job_is_tried_while_a_request_is_in_flight() -> None:
    """A server that answers nothing gets no second request as long as the first one holds the waits."""
    jobs, failed = many(6), Limits(list_state=ListState.FAILED)

    free = plan(NOW, jobs, FREE, failed)
    jobs[0].polls = (in_flight(NOW - 1),)
    held = plan(NOW, jobs, FREE, failed)

    assert (ids(free.reads), turns(free.postponed)) == (["j0"], {f"j{number}": 5.0 for number in range(1, 6)})
    assert (held.reads, held.list_for) == ([], None)
    assert turns(held.postponed) == {f"j{number}": 5.0 for number in range(1, 6)}


@pytest.mark.parametrize("remaining", [0, 50])
def test_the_budget_bounds_the_reads_that_replace_a_list(remaining: int) -> None:
    """With the reserve left it is one read, and with nothing left none."""
    made = plan(NOW, many(9), budget(remaining), Limits(lists_again=LATER))

    assert len(made.reads) == min(remaining, 1)

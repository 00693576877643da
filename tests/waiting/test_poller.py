"""The poller over a source that is made up: jobs come and go while requests are in flight."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Dict, Hashable, List, Mapping, Sequence

import pytest

from bluma_async._session.pauses import BudgetPause
from bluma_async.errors import APIError, NetworkError, RateLimitError, WaitTimeoutError
from bluma_async.waiting.contact import Contact
from bluma_async.waiting.hub import PollHub
from bluma_async.waiting.pace import Pace
from tests.fakes import FakeClock


class Source:
    """Jobs whose states are texts, by default "done", which is final. Each answer waits until the gate is open."""

    def __init__(self, clock: FakeClock, jobs_per_poll: int = 20) -> None:
        self.clock = clock
        self.jobs_per_poll = jobs_per_poll
        self.states: Dict[str, str] = {}
        self.active: Any = None  # what a list returns
        self.polled: List[List[str]] = []
        self.lists = 0
        self.on_list: Callable[[int], None] = lambda _: None  # prepares the next list
        self.gate = asyncio.Event()

    @property
    def group(self) -> Hashable:
        return "account"

    async def poll(self, job_ids: Sequence[str], within: float) -> Mapping[str, str | APIError | None]:
        self.polled.append(list(job_ids))
        found = {job_id: self.states.get(job_id, "done") for job_id in job_ids}
        await self.gate.wait()
        return found

    async def list_active(self, most_pages: int, within: float) -> Any:
        self.lists += 1
        await self.gate.wait()
        active = self.active
        self.on_list(self.lists)
        if isinstance(active, Exception):
            raise active
        return active

    def merge_event(self, last: str | None, event: Any) -> str | None:
        return str(event) if event else None

    def is_final(self, state: str) -> bool:
        return state == "done"

    def status(self, state: str) -> str:
        return state

    def is_known(self, state: str) -> bool:
        return True

    def progress(self, state: str) -> int | None:
        return len(state)

    def timeout_error(self, job_id: str, last: str | None, timeout: float, contact: Contact) -> Exception:
        return WaitTimeoutError(f"{job_id}: {last}", last=None)

    def pace(self) -> Pace:
        return Pace()

    def report_pause(self, pause: BudgetPause) -> None:
        pass


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that moves when it is slept on."""
    return FakeClock()


@pytest.fixture
def hub(clock: FakeClock) -> PollHub:
    """Give a hub on that clock."""
    return PollHub(clock)


def begin(hub: PollHub, source: Source, job_id: str, **options: Any) -> asyncio.Future[str]:
    """Begin a wait."""
    wait = hub.wait(source, job_id, **{"poll_interval": 5, "timeout": 600, **options})
    return asyncio.ensure_future(wait)


async def settle() -> None:
    """Run everything that can run."""
    for _ in range(10):
        await asyncio.sleep(0)


async def leave(wait: asyncio.Future[str]) -> None:
    """Cancel a wait."""
    wait.cancel()
    await asyncio.wait([wait])


async def test_a_late_answer_does_not_end_a_new_wait(hub: PollHub, clock: FakeClock) -> None:
    """A job whose wait was cancelled and begun again during a poll is still waited for after that poll."""
    source = Source(clock)
    first, second = begin(hub, source, "a"), begin(hub, source, "b")
    await settle()
    await leave(second)
    again = begin(hub, source, "b")
    await settle()

    source.gate.set()

    assert await asyncio.wait_for(asyncio.gather(first, again), 5) == ["done", "done"]
    assert source.polled == [["a", "b"], ["b"]]


async def test_a_job_that_is_left_before_its_request_is_not_polled(hub: PollHub, clock: FakeClock) -> None:
    """Seventeen requests are planned and sixteen sent at once; who leaves meanwhile is not in the seventeenth."""
    source = Source(clock, jobs_per_poll=2)
    names = [f"j{number}" for number in range(34)]
    waits = {name: begin(hub, source, name) for name in names}
    await settle()
    source.gate.set()  # the list that does not exist is answered
    source.gate = asyncio.Event()
    await settle()
    assert len(source.polled) == 16

    await leave(waits.pop("j33"))
    source.gate.set()

    assert set(await asyncio.gather(*waits.values())) == {"done"}
    assert source.polled[16:] == [["j32"]]


async def test_a_job_that_is_left_during_a_list_is_not_polled(hub: PollHub, clock: FakeClock) -> None:
    """The list names no active job, so each is read; except the one that nobody waits for any more."""
    source = Source(clock, jobs_per_poll=1)
    source.active = ({}, 1)
    waits = {name: begin(hub, source, name) for name in "abcdef"}
    await settle()

    await leave(waits.pop("f"))
    source.gate.set()

    assert set(await asyncio.gather(*waits.values())) == {"done"}
    assert source.lists == 1
    assert sorted(source.polled) == [["a"], ["b"], ["c"], ["d"], ["e"]]


async def test_a_job_that_is_listed_again_is_not_read_by_itself(hub: PollHub, clock: FakeClock) -> None:
    """A list that lags behind makes the missing job be read, until a list shows it: then no more."""
    source = Source(clock, jobs_per_poll=1)
    source.states = dict.fromkeys("abcdef", "processing")
    source.active = (dict.fromkeys("bcdef", "processing"), 1)
    source.gate.set()

    def complete(lists: int) -> None:
        source.active = ({}, 1) if lists == 4 else (dict.fromkeys("abcdef", "processing"), 1)
        source.states = {} if lists == 4 else source.states

    source.on_list = complete
    waits = [begin(hub, source, name) for name in "abcdef"]

    assert set(await asyncio.gather(*waits)) == {"done"}
    assert source.polled[:2] == [["a"]] * 2  # after the first list, and beside the second, which shows it
    assert sorted(source.polled[2:]) == [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]


async def test_a_list_with_a_rate_limit_is_tried_again_after_its_pause(hub: PollHub, clock: FakeClock) -> None:
    """Retry-After of a list counts for all jobs that it would have shown."""
    source = Source(clock, jobs_per_poll=1)
    source.active = RateLimitError("slow down", status=429, retry_after=60)
    source.gate.set()

    def recover(_: int) -> None:
        source.active = ({}, 1)

    source.on_list = recover

    assert set(await asyncio.gather(*(begin(hub, source, name) for name in "abcdef"))) == {"done"}
    assert (source.lists, clock.slept) == (2, [60])


@pytest.mark.parametrize("failure", [None, NetworkError("cut")])
async def test_an_event_during_a_list_polls_its_job_at_once(
    hub: PollHub, clock: FakeClock, failure: Exception | None
) -> None:
    """The list may be older than the event: the job is read beside it, and not again if it was listed as active."""
    source = Source(clock, jobs_per_poll=1)
    source.states = dict.fromkeys("abcdef", "processing")
    source.active = failure or (dict(source.states), 1)
    waits = [begin(hub, source, name) for name in "abcdef"]
    await settle()

    del source.states["c"]
    hub.learn("c")
    await settle()
    source.gate.set()

    assert await waits[2] == "done"
    assert (source.polled, clock.slept) == ([["c"]], [])
    hub.close()
    await asyncio.gather(*waits, return_exceptions=True)


async def test_a_wait_that_joins_during_a_poll_takes_part_in_it(hub: PollHub, clock: FakeClock) -> None:
    """The answer in flight is for both; there is no second poll before the interval."""
    source = Source(clock)
    source.states["a"] = "processing"
    first = begin(hub, source, "a")
    await settle()
    second = begin(hub, source, "a")
    await settle()

    source.gate.set()
    source.states["a"] = "done"

    assert await asyncio.gather(first, second) == ["done", "done"]
    assert (source.polled, clock.slept) == ([["a"], ["a"]], [5])


async def test_a_wait_without_time_is_polled_even_right_after_a_poll(hub: PollHub, clock: FakeClock) -> None:
    """`timeout=0` promises a poll of its own, also at the very moment at which the job was polled for another wait."""
    source = Source(clock)
    source.states["a"] = "processing"
    source.gate.set()
    seen: List[int] = []
    second: List[asyncio.Future[str]] = []

    def join(percent: int) -> None:
        seen.append(percent)
        if not second:
            source.states["a"] = "done"
            second.append(begin(hub, source, "a", timeout=0))

    await begin(hub, source, "a", on_progress=join)

    assert await second[0] == "done"
    assert clock.slept == []


async def test_no_poll_is_sent_for_a_waiter_whose_callback_runs(hub: PollHub, clock: FakeClock) -> None:
    """A callback that takes two intervals delays the polls: hooks of a request would have to wait for it."""
    source = Source(clock)
    source.states["a"] = "processing"
    source.gate.set()
    polls_before_and_after: List[int] = []

    async def slow(_: int) -> None:
        polls_before_and_after.append(len(source.polled))
        while len(clock.slept) < 2:
            await asyncio.sleep(0)
        polls_before_and_after.append(len(source.polled))
        source.states["a"] = "done"

    assert await begin(hub, source, "a", on_progress=slow) == "done"
    assert polls_before_and_after == [1, 1]

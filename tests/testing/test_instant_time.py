"""Instant waits: the SDK's sleeps take no time, in every client of the process, and in the right order."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from datetime import datetime, timedelta, timezone
from typing import Any, Iterator, List

import pytest

from bluma import AsyncBluma, Bluma, WebhookReceiver, asgi_app
from bluma.errors import AmbiguousCreateError, WaitTimeoutError
from bluma.testing import InstantTime, Sandbox, serve_sandbox
from bluma_async._runtime.clock import MACHINE_TIME, SystemClock
from bluma_testing.posting import EventPoster

PROMPT = {"prompt": "Hello"}
TEMPLATE = "ugc-text-overlay"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Give a sandbox whose waits are instant, and which the environment names."""
    with serve_sandbox() as running:
        yield running


def read_clock(sandbox: Sandbox) -> datetime:
    """Return the time by the sandbox's clock."""
    return datetime.strptime(sandbox.state()["clock"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def test_a_wait_of_minutes_takes_no_time(sandbox: Sandbox) -> None:
    """The polls of a client that the program makes itself advance the sandbox's clock; the test's limit is 20 s."""
    began = read_clock(sandbox)

    with Bluma() as client:  # from the environment, as a program makes it
        video = client.videos.create(PROMPT, TEMPLATE)
        done = client.videos.wait_for(video)

    assert done.status == "completed"
    assert read_clock(sandbox) - began >= timedelta(seconds=105)


def test_a_client_that_exists_already_is_reached() -> None:
    """The switch is the clock of the process, not an option of a client."""
    with Sandbox(clock="manual", render=False) as sandbox, Bluma(sandbox.live_key, base_url=sandbox.base_url) as client:
        video = client.videos.create(PROMPT, TEMPLATE)
        with InstantTime(sandbox):
            done = client.videos.wait_for(video)

    assert done.status == "completed"


def test_many_async_waits_share_their_polls(sandbox: Sandbox) -> None:
    """Twenty waits at once end; alone, each of them would poll twenty times."""

    async def run() -> List[Any]:
        async with AsyncBluma() as client:
            videos = [await client.videos.create(PROMPT, TEMPLATE) for _ in range(20)]
            return await asyncio.gather(*(client.videos.wait_for(video) for video in videos))

    assert {video.status for video in asyncio.run(run())} == {"completed"}
    assert len(sandbox.requests) < 150


def test_pauses_before_retries_are_instant(sandbox: Sandbox) -> None:
    """Three failures cost 1, 2 and 4 s of the sandbox's time, and of the client's."""
    clock, began = SystemClock(), read_clock(sandbox)
    before = clock.now()
    sandbox.faults.add("GET /templates", "status", status=500, times=3)

    with Bluma() as client:
        client.templates.list()

    assert len(sandbox.requests) == 4
    assert read_clock(sandbox) - began >= timedelta(seconds=6)
    assert clock.now() - before >= 7


def test_a_lost_create_is_settled_without_waiting(sandbox: Sandbox) -> None:
    """The 30 s until absence is proven pass for the client and for the sandbox alike; nothing is billed twice."""
    sandbox.faults.add("POST /videos", "drop_after")
    with Bluma(exclusive=True) as client:
        found = client.videos.create(PROMPT, TEMPLATE)
    sandbox.faults.add("POST /videos", "drop_after")
    with Bluma() as client, pytest.raises(AmbiguousCreateError):
        client.videos.create(PROMPT, TEMPLATE)
    sandbox.faults.add("POST /videos", "drop_before")
    with Bluma() as client:
        client.videos.create(PROMPT, TEMPLATE)

    assert sandbox.creates[0]["video_id"] == found.id
    assert sandbox.state()["billed"] == 3


def test_a_wait_still_times_out(sandbox: Sandbox) -> None:
    """A wait that is shorter than the render ends with its error, after its time by both clocks."""
    began = read_clock(sandbox)
    with Bluma() as client:
        video = client.videos.create(PROMPT, TEMPLATE)

        with pytest.raises(WaitTimeoutError, match="60 s"):
            client.videos.wait_for(video, timeout=60)

    assert timedelta(seconds=59) <= read_clock(sandbox) - began < timedelta(seconds=80)


def test_the_earliest_sleep_ends_first_in_whichever_loop(sandbox: Sandbox) -> None:
    """Sleeps of two event loops end in the order of their moments."""
    ended: List[float] = []

    async def sleep(*lengths: float) -> None:
        async def one(seconds: float) -> None:
            await SystemClock().sleep(seconds)
            ended.append(seconds)

        sleeps = [asyncio.ensure_future(one(seconds)) for seconds in lengths]
        await asyncio.sleep(0)
        all_sleep.wait()
        await asyncio.gather(*sleeps)

    held = contextlib.ExitStack()  # no time is skipped while a request runs
    held.enter_context(sandbox._running.activity.request())
    all_sleep = threading.Barrier(2, action=held.close)
    other = threading.Thread(target=asyncio.run, args=[sleep(10, 30, 50)])
    other.start()
    asyncio.run(sleep(40, 20, 60))
    other.join()

    assert ended == [10, 20, 30, 40, 50, 60]


def test_a_cancelled_sleep_is_not_waited_for(sandbox: Sandbox) -> None:
    """Time is skipped to the end of the other sleep."""
    began = read_clock(sandbox)

    async def run() -> None:
        short = asyncio.ensure_future(SystemClock().sleep(1))
        await asyncio.sleep(0)
        short.cancel()
        await SystemClock().sleep(100)

    asyncio.run(run())

    assert timedelta(seconds=95) < read_clock(sandbox) - began < timedelta(seconds=110)  # less what the test took


def test_time_never_moves_back() -> None:
    """A later sandbox begins at the time that was reached: a client that outlives a test would search in the future."""
    with serve_sandbox() as first, Bluma() as client:
        kept = Bluma(first.live_key, base_url=first.base_url)
        client.videos.wait_for(client.videos.create(PROMPT, TEMPLATE))
        reached, now = read_clock(first), SystemClock().now()
    kept.close()

    with serve_sandbox() as second:
        assert read_clock(second) >= reached - timedelta(seconds=2)  # clocks of whole seconds
        assert SystemClock().now() >= now
        assert abs(SystemClock().utc() - read_clock(second)) < timedelta(seconds=5)


def test_the_wall_clock_is_real_again_after_the_end() -> None:
    """A client that talks to another server afterwards would search for its lost creates in the future."""
    with serve_sandbox(), Bluma() as client:
        client.videos.wait_for(client.videos.create(PROMPT, TEMPLATE))

    assert abs(SystemClock().utc() - datetime.now(timezone.utc)) < timedelta(seconds=20)


def test_sleeps_are_real_again_after_the_end() -> None:
    """A sleep that is left ends at once, and the next one is the machine's."""
    real, is_asleep = MACHINE_TIME.sleep, threading.Event()

    async def sleep_long() -> None:
        sleep = asyncio.ensure_future(SystemClock().sleep(10**6))
        await asyncio.sleep(0)
        is_asleep.set()
        await sleep

    with serve_sandbox() as sandbox, sandbox._running.activity.request():  # time is not skipped beside a request
        left = threading.Thread(target=asyncio.run, args=[sleep_long()], daemon=True)
        left.start()
        is_asleep.wait()
    left.join(10)

    assert not left.is_alive()
    assert MACHINE_TIME.sleep is real


def test_a_handler_that_waits_does_not_hold_the_time(sandbox: Sandbox) -> None:
    """The delivery of an event is work that time waits for, but not for ever: its handler may be what sleeps."""
    receiver = WebhookReceiver(sandbox.webhook_secret)
    statuses: List[str] = []

    @receiver.on("video.queued")
    async def wait(event: Any) -> None:
        async with AsyncBluma() as client:
            statuses.append(str((await client.videos.wait_for(event.data.id)).status))

    with Bluma() as client:
        video = client.videos.create(PROMPT, TEMPLATE)
    reply = EventPoster(asgi_app(receiver)).post("video.queued", id=video.id)

    assert (reply.status, statuses) == (200, ["completed"])


def test_events_of_the_sandbox_are_young_enough(sandbox: Sandbox) -> None:
    """A receiver compares the time of an event with the time that was skipped to."""
    with Bluma() as client:
        client.videos.wait_for(client.videos.create(PROMPT, TEMPLATE))
    receiver = WebhookReceiver(sandbox.webhook_secret, max_age=5)

    reply = EventPoster(asgi_app(receiver)).post("video.completed")

    assert reply.status == 200


def test_a_real_clock_is_refused() -> None:
    """Time that passes by itself cannot be skipped."""
    with pytest.raises(ValueError, match="clock='manual'"):
        InstantTime(Sandbox(render=False))


def test_a_sandbox_that_was_not_started_is_refused() -> None:
    """There is no event loop that could advance its clock."""
    with pytest.raises(RuntimeError, match="not started"):
        InstantTime(Sandbox(clock="manual", render=False)).__enter__()

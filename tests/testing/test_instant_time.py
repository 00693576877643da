"""Instant waits: the SDK's sleeps take no time, in every client of the process, and in the right order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from bluma import AsyncBluma, Bluma, Luma, WebhookReceiver, asgi_app
from bluma.errors import AmbiguousCreateError, APIError, WaitTimeoutError
from bluma.testing import InstantTime, Sandbox, serve_sandbox
from bluma_async._runtime.clock import MACHINE_TIME, SystemClock
from bluma_testing.posting import EventPoster
from tests.webhooks.servers import run_wsgiref

PROMPT = {"prompt": "Hello"}
TEMPLATE = "ugc-text-overlay"
WANTED = {  # the last two events, by the way to ask for them; the first one of a type is refused if nothing else comes
    "endpoint": ["video.completed", "video.completed"],
    "webhook_url": ["video.processing", "video.completed"],
    "callback_url": ["callback", "callback"],
}


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


def test_skipped_time_is_applied_once() -> None:
    """A sandbox that is used a second time is moved by the time that others have skipped meanwhile, and no more."""
    with Sandbox(clock="manual", render=False) as sandbox:
        with InstantTime(sandbox):
            asyncio.run(SystemClock().sleep(1000))
        with serve_sandbox():
            asyncio.run(SystemClock().sleep(100))
        before = read_clock(sandbox)

        with InstantTime(sandbox):
            moved = read_clock(sandbox) - before

    assert timedelta(seconds=99) <= moved < timedelta(seconds=105)


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


class SlowTime(InstantTime):
    """Instant time in which a sleep begins slowly."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.begins, self.goes_on = threading.Event(), threading.Event()

    def now(self) -> float:
        if threading.current_thread().name == "sleeper":
            self.begins.set()
            assert self.goes_on.wait(10)
        return super().now()


def test_a_sleep_that_begins_at_the_end_is_real() -> None:
    """Another thread ends the block while the sleep begins: nobody would wake it."""
    with Sandbox(clock="manual", render=False) as sandbox:
        with SlowTime(sandbox) as time:
            sleeper = threading.Thread(target=lambda: asyncio.run(time.sleep(0.01)), name="sleeper", daemon=True)
            sleeper.start()
            assert time.begins.wait(10)
        time.goes_on.set()
        sleeper.join(10)

    assert not sleeper.is_alive()


def test_a_sleep_of_an_earlier_block_does_not_end_the_next_one() -> None:
    """One object can be used again; the end of its earlier block comes late, in the sandbox's thread."""
    with Sandbox(clock="manual", render=False) as sandbox:
        time = InstantTime(sandbox)
        for _ in range(20):
            with time:
                began = time.now()
                asyncio.run(time.sleep(1000))
                assert time.now() - began >= 1000


FORKING = """
import asyncio, os, signal
from bluma.testing import serve_sandbox
from bluma_async._runtime.clock import SystemClock

with serve_sandbox():
    child = os.fork()
    if not child:
        signal.alarm(10)  # ends a child that hangs
        asyncio.run(SystemClock().sleep(0.01))
        os._exit(0)
    print(os.waitpid(child, 0)[1])
"""


LEAVING = """
import os, signal
from bluma.testing import InstantTime, Sandbox

with Sandbox(clock="manual", render=False) as sandbox, InstantTime(sandbox) as time:
    time._lock.acquire()  # another thread may be in it
    child = os.fork()
    if not child:
        signal.alarm(20)  # ends a child that hangs
        time.__exit__(None, None, None)
        os._exit(0)
    time._lock.release()
    print(os.waitpid(child, 0)[1])
"""


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.parametrize("program", [FORKING, LEAVING], ids=["sleeps", "leaves the block"])
def test_a_forked_child_waits_for_nothing_of_its_parent(program: str) -> None:
    """Its sleeps are real, and it waits for no lock: the sandbox and the other threads are in the parent process."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


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


@pytest.mark.parametrize("way", ["get", "list", "list of the completed", "download"])
def test_a_program_that_polls_by_itself_ends(sandbox: Sandbox, way: str) -> None:
    """Two reads are answered at rest; the third and the fourth one see the video's two changes."""
    with Bluma() as client:
        video = client.videos.create(PROMPT, TEMPLATE)
        reads: Dict[str, Callable[[], bool]] = {
            "get": lambda: client.videos.get(video.id).status == "completed",
            "list": lambda: next(iter(client.videos.list())).status == "completed",
            "list of the completed": lambda: len(client.videos.list(status="completed")) == 1,
            "download": lambda: can_download(client, video),
        }

        answers = [reads[way]() for _ in range(4)]

    assert answers == [False, False, False, True]


def can_download(client: Bluma, video: Any) -> bool:
    """Return whether there is a link to a video's file."""
    try:
        return bool(client.videos.download(video).download_url)
    except APIError:
        return False


def test_reads_between_sleeps_move_no_time(sandbox: Sandbox) -> None:
    """While the SDK sleeps, its sleeps alone move the time: reads are counted from the last one."""
    with Bluma() as client:
        video = client.videos.create(PROMPT, TEMPLATE)
        for _ in range(3):
            asyncio.run(SystemClock().sleep(1))
            assert [client.videos.get(video).status for _ in range(2)] == ["queued"] * 2


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("provider", ["umami", "vapi", "kie"])
def test_a_generation_that_a_program_polls_ends(provider: Any) -> None:
    """The Luma providers count reads as well."""
    with Luma(provider=provider) as client:
        if provider == "kie":
            resource: Any = client.modifications
            job = resource.create("Waves", video_url="https://x.example/1.mp4")
        else:
            resource = client.generations
            job = resource.create("Waves")

        states = [resource.get(job.id).state.is_final for _ in range(4)]

    assert states == [False, False, False, True]


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("way", WANTED)
def test_a_program_that_waits_for_an_event_gets_it(way: str) -> None:
    """Its endpoint gets the events in their order, and again after an attempt that it has refused."""
    got: List[str] = []
    is_over = threading.Event()

    def app(environ: Any, start_response: Any) -> List[bytes]:
        got.append(environ.get("HTTP_X_BLUMA_EVENT_TYPE", "callback"))
        start_response("500 Refused" if got == WANTED[way][:1] else "204 No Content", [])
        if got[-2:] == WANTED[way]:
            is_over.set()
        return []

    with run_wsgiref(app) as port, Bluma() as client, Luma(provider="vapi") as luma:
        url = f"http://127.0.0.1:{port}/"
        if way == "callback_url":
            luma.generations.create("Waves", callback_url=url)
        else:
            if way == "endpoint":
                client.webhooks.create(url, ["video.completed"])
            client.videos.create(PROMPT, TEMPLATE, webhook_url=url if way == "webhook_url" else None)

        assert is_over.wait(15)


def test_nothing_moves_the_time_without_an_endpoint(sandbox: Sandbox) -> None:
    """A program that neither reads nor gets events cannot be waiting for one: its video stays as it is."""
    with Bluma() as client:
        video = client.videos.create(PROMPT, TEMPLATE)
        client.webhooks.create("http://127.0.0.1:8000/", ["credits.low"])

        assert asyncio.run_coroutine_threadsafe(find_delivery(sandbox), need_loop(sandbox)).result() is None
        assert client.videos.get(video).status == "queued"


async def find_delivery(sandbox: Sandbox) -> Optional[float]:
    """Return the seconds until the next delivery, in the sandbox's thread."""
    return sandbox.outlook.find_delivery()


def need_loop(sandbox: Sandbox) -> asyncio.AbstractEventLoop:
    """Return the loop of a sandbox that serves."""
    assert sandbox.loop is not None
    return sandbox.loop


def test_a_real_clock_is_refused() -> None:
    """Time that passes by itself cannot be skipped."""
    with pytest.raises(ValueError, match="clock='manual'"):
        InstantTime(Sandbox(render=False))


def test_a_sandbox_that_was_not_started_is_refused() -> None:
    """There is no event loop that could advance its clock."""
    with pytest.raises(RuntimeError, match="not started"):
        InstantTime(Sandbox(clock="manual", render=False)).__enter__()

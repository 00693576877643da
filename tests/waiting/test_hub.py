"""The poll hub: one poll for many waits, each with its own deadline, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from bluma_async.types import VideoEvent, VideoEventData, WebhookEventType
from tests.fakes import FakeClock, answer, client_with
from tests.waiting.served import VIDEO, Server, served, slow_client, wait_all


async def test_many_waits_for_one_video_are_one_poll() -> None:
    """A hundred waits for one video send as many requests as one wait."""
    client, server, clock = served({"v": 12})

    done = await wait_all(client, ["v"] * 100)

    assert {video.status for video in done} == {"completed"}
    assert server.sent == ["/videos/v"] * 4
    assert clock.slept == [5, 5, 5]


async def test_each_wait_has_its_own_deadline() -> None:
    """Of three waits for one video, two time out after 7 and 12 s, and the third returns."""
    client, server, clock = served({"v": 14.0})
    began = clock.time

    async def wait(timeout: float) -> float:
        try:
            await client.videos.wait_for("v", timeout=timeout)
        except errors.WaitTimeoutError as late:
            assert late.last is not None
            return began - clock.time
        return clock.time - began

    ended = await asyncio.gather(wait(7), wait(12), wait(60))

    assert ended == [-7, -12, 17]  # 17, because a whole interval follows the poll at 12 s
    assert server.sent == ["/videos/v"] * 5  # at 0, 5, 7, 12 and 17 s: once at each deadline, not twice


async def test_a_wait_that_times_out_during_another_poll_is_polled_once() -> None:
    """`timeout=0` promises one poll, also if the poller is busy with another video until after the deadline."""
    client, transport, clock = slow_client(
        lambda request: answer(200, {**VIDEO, "id": request.url[-1], "status": "processing", "progress": 1})
    )
    other = asyncio.ensure_future(client.videos.wait_for("v"))
    await transport.until_sent(1)

    late = asyncio.ensure_future(client.videos.wait_for("w", timeout=0))
    await asyncio.sleep(0)
    clock.time += 1
    transport.gate.set()

    with pytest.raises(errors.WaitTimeoutError) as caught:
        await late
    assert caught.value.last is not None
    other.cancel()


async def test_cancelling_one_leaves_the_others() -> None:
    """If the wait for which a poll was sent is cancelled, the poll is sent again for another wait."""
    client, transport, _ = slow_client(answer(200, {**VIDEO, "id": "v", "status": "completed"}))
    first, second = (asyncio.ensure_future(client.videos.wait_for("v")) for _ in range(2))
    await transport.until_sent(1)

    first.cancel()
    await asyncio.wait([first])
    transport.gate.set()

    assert (await second).status == "completed"
    assert first.cancelled()
    assert len(transport.requests) == 2


async def test_closing_ends_all_waits() -> None:
    """Closing the client raises a BlumaError in each wait, and leaves no task."""
    client, _, clock = served(dict.fromkeys("abcdefgh", 1e9))

    async def forever(_: float) -> None:
        await asyncio.Event().wait()

    clock.sleep = forever  # type: ignore[method-assign]  # this test needs a sleep that never ends
    waits = [asyncio.ensure_future(client.videos.wait_for(name, timeout=1e6)) for name in "abcdefgh"]
    for _ in range(20):
        await asyncio.sleep(0)
    await client.aclose()
    outcomes = await asyncio.gather(*waits, return_exceptions=True)
    await asyncio.sleep(0)

    assert {type(outcome) for outcome in outcomes} == {errors.BlumaError}
    assert "was closed while this waited" in str(outcomes[0])
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert client._hub._pollers == {}


async def test_nothing_is_left_behind() -> None:
    """After the last wait there is no task, no poller and no entry."""
    client, _, _ = served({f"v{number}": 7.0 for number in range(20)})

    await wait_all(client, [f"v{number}" for number in range(20)])

    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert client._hub._pollers == {}


async def test_a_hook_that_fails_during_a_poll_ends_the_waits() -> None:
    """Nothing awaits the poller's task, so an unexpected error is raised in the waits."""

    def fail(_: object) -> None:
        raise ZeroDivisionError

    clock = FakeClock()
    client, _, _ = client_with(Server(clock, {"v": 2000.0}), clock=clock, on_request=fail)

    with pytest.raises(ZeroDivisionError):
        await client.videos.wait_for("v")


async def test_against_the_sandbox(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Twelve videos of the sandbox are listed by pages, and each wait returns its video."""
    videos = [await client.videos.create({"prompt": "Hi"}, "ugc-text-overlay") for _ in range(12)]
    waits = asyncio.gather(*(client.videos.wait_for(video.id, poll_interval=0.01) for video in videos))
    await asyncio.sleep(0)
    await sandbox.advance(105)

    done = await waits

    assert [video.id for video in done] == [video.id for video in videos]
    assert all(video.size_bytes for video in done)
    assert any(record.path == "/api/v1/videos" and record.method == "GET" for record in sandbox.requests)


@pytest.mark.parametrize("ends", ["completed", "timeout", "cancelled", "event"])
async def test_a_loop_may_be_closed_right_after_a_wait(ends: str) -> None:
    """When `wait_for` returns or raises, its tasks have ended: Python reports those that a closed loop leaves."""
    client, transport, _ = slow_client(answer(200, {**VIDEO, "id": "v", "status": "completed"}))
    wait = asyncio.ensure_future(client.videos.wait_for("v", timeout=0 if ends == "timeout" else 60))
    await transport.until_sent(1)
    if ends == "cancelled":
        wait.cancel()
    elif ends == "event":
        data = VideoEventData(id="v", status="completed")
        client.learn(VideoEvent(id="e", type=WebhookEventType.VIDEO_COMPLETED, data=data))
    elif ends == "timeout":
        transport.replies = [errors.NetworkError("cut")]
        wait.cancel()
        wait = asyncio.ensure_future(client.with_options(max_retries=0).videos.wait_for("v", timeout=0))
        transport.gate.set()
    else:
        transport.gate.set()

    await asyncio.gather(wait, return_exceptions=True)

    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert client._hub._pollers == {}


@pytest.mark.parametrize("ends", ["completed", "timeout", "hook"])
async def test_a_wait_leaves_no_reference_cycle(ends: str) -> None:
    """A client that is dropped after a wait is freed at once: the garbage collector would find its open connections."""

    def fail(_: object) -> None:
        raise ZeroDivisionError

    clock = FakeClock()
    server = Server(clock, {"v": clock.time + (7 if ends == "completed" else 1e9)})
    reply = errors.NetworkError("cut") if ends == "timeout" else server
    client, transport, _ = client_with(reply, clock=clock, max_retries=0, on_request=fail if ends == "hook" else None)
    freed = weakref.ref(client._session.shared)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(errors.BlumaError, ZeroDivisionError):
            await client.videos.wait_for("v", timeout=30, on_status=lambda _: None)
        del client, transport
        for _ in range(5):
            await asyncio.sleep(0)
        assert freed() is None
    finally:
        gc.enable()

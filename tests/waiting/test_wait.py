"""`videos.wait_for`, on a clock that moves only when it is slept on."""

from __future__ import annotations

from typing import Any, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.types import VideoStatus
from tests.fakes import VIDEO, FakeClock, answer, client_with, problem


def seen(status: str, progress: Any = None) -> Any:
    """Return an answer with a video of this status and progress."""
    return answer(200, {**VIDEO, "status": status, "progress": progress})


async def test_a_finished_video_is_returned_at_once() -> None:
    """Item 32: the first poll comes without a pause."""
    client, transport, clock = client_with(seen("completed"))

    video = await client.videos.wait_for("batch_1")

    assert video.status == VideoStatus.COMPLETED
    assert (clock.slept, transport.sent) == ([], ["GET /videos/batch_1"])


async def test_a_failed_video_is_returned_too() -> None:
    """Items 32 and 34: a failed video is returned like a completed one, with its error."""
    body = {**VIDEO, "status": "failed", "error": {"type": "rendering_failed", "detail": "Bad asset"}}
    client, _, _ = client_with(answer(200, body))

    video = await client.videos.wait_for("batch_1")

    assert video.status == VideoStatus.FAILED
    assert video.error is not None
    assert (video.error["type"], video.error.detail) == ("rendering_failed", "Bad asset")


async def test_polls_every_five_seconds() -> None:
    """Item 33: the default interval is 5 s, and the caller can set another one."""
    client, _, clock = client_with(seen("queued"), seen("processing"), seen("completed"))
    own, _, own_clock = client_with(seen("queued"), seen("completed"))

    await client.videos.wait_for("batch_1")
    await own.videos.wait_for("batch_1", poll_interval=2, timeout=300)

    assert (clock.slept, own_clock.slept) == ([5, 5], [2])


async def test_wait_ends_at_the_deadline() -> None:
    """Item 37: the last pause is shortened to the deadline, and the error shows the last state."""
    client, transport, clock = client_with(seen("processing", 65))

    with pytest.raises(errors.WaitTimeoutError) as caught:
        await client.videos.wait_for("batch_1", poll_interval=4, timeout=10)

    assert clock.slept == [4, 4, 2]
    assert len(transport.requests) == 4
    assert str(caught.value) == (
        "Waiting timed out: video batch_1 was not finished after 10 s (last seen: processing, 65 %). The render "
        "continues; wait again with its id."
    )
    assert caught.value.video_id == "batch_1"
    assert caught.value.last is not None
    assert isinstance(caught.value, TimeoutError)


async def test_no_time_is_still_one_poll() -> None:
    """Item 37: a timeout of 0 polls once; the error says so if no state was ever read."""
    client, transport, _ = client_with(seen("completed"))
    silent, _, _ = client_with(errors.RequestTimeoutError("late"), max_retries=0)

    await client.videos.wait_for("batch_1", timeout=0)

    assert len(transport.requests) == 1
    with pytest.raises(errors.WaitTimeoutError, match="never seen"):
        await silent.videos.wait_for("batch_1", timeout=0)


async def test_every_poll_is_bounded_by_the_deadline() -> None:
    """A silent server cannot hold a wait: a poll gets the time that is left, and one second at the deadline."""
    clock = FakeClock()
    client, transport, _ = client_with(errors.RequestTimeoutError("late"), clock=clock, takes=4.0, max_retries=0)

    with pytest.raises(errors.WaitTimeoutError):
        await client.videos.wait_for("batch_1", timeout=10)

    assert transport.patience == [10, 1]


@pytest.mark.parametrize("failure", [problem(500), problem(429), errors.NetworkError("cut"), answer(200, b"garbage")])
async def test_transient_failures_do_not_end_a_wait(failure: Any) -> None:
    """Item 38: after a network failure, a 429, a 5xx or an unreadable answer, the next poll is made as usual."""
    client, _, _ = client_with(failure, failure, failure, failure, failure, seen("completed"))

    assert (await client.videos.wait_for("batch_1")).status == "completed"


async def test_retry_after_is_respected() -> None:
    """The next poll comes after Retry-After, if that is later than the interval."""
    client, _, clock = client_with(answer(429, b"{}", {"Retry-After": "60"}), seen("completed"))

    await client.videos.wait_for("batch_1")

    assert clock.slept == [60]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_refusals_end_a_wait_at_once(status: int) -> None:
    """A wrong key or an unknown id stays wrong, so polling again is useless."""
    client, transport, _ = client_with(problem(status))

    with pytest.raises(errors.APIError):
        await client.videos.wait_for("batch_1")

    assert len(transport.requests) == 1


async def test_a_status_never_heard_of_is_not_final() -> None:
    """An unknown status is not a reason to end the wait."""
    client, _, _ = client_with(seen("rescheduled"), seen("completed"))

    assert (await client.videos.wait_for("batch_1")).status == "completed"


async def test_progress_is_the_servers_and_never_goes_back() -> None:
    """Items 35 and 36: integers from 0 to 100, each reported once, none lower than before, 100 last."""
    reported: List[int] = []
    states = [None, 0, 30, 20, 30, 64.7, 250]
    client, _, _ = client_with(*(seen("processing", state) for state in states), seen("completed", 100))

    await client.videos.wait_for("batch_1", on_progress=reported.append)

    assert reported == [0, 30, 64, 100]


async def test_completion_is_a_hundred_even_without_progress() -> None:
    """Item 35: the last call is 100, also through an async callback."""
    reported: List[int] = []

    async def tell(percent: int) -> None:
        reported.append(percent)

    client, _, _ = client_with(seen("processing"), seen("completed"))

    await client.videos.wait_for("batch_1", on_progress=tell)

    assert reported == [100]


async def test_a_failed_video_is_not_a_hundred_percent() -> None:
    """The progress of a failed video stays at its last percentage."""
    reported: List[int] = []
    client, _, _ = client_with(seen("processing", 40), seen("failed", 40))

    await client.videos.wait_for("batch_1", on_progress=reported.append)

    assert reported == [40]


async def test_an_exception_of_on_progress_ends_the_wait() -> None:
    """`wait_for` raises an exception of `on_progress` unchanged."""

    def tell(percent: int) -> None:
        raise LookupError("mine")

    client, transport, _ = client_with(seen("processing", 1))

    with pytest.raises(LookupError, match="mine"):
        await client.videos.wait_for("batch_1", on_progress=tell)
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"poll_interval": 0},
        {"poll_interval": 1e-310},
        {"poll_interval": -1},
        {"timeout": -1},
        {"timeout": None},
        {"poll_interval": float("nan")},
        {"timeout": True},
    ],
)
async def test_impossible_waits_are_refused(arguments: Any) -> None:
    """Invalid numbers are refused before any request."""
    client, transport, _ = client_with(seen("completed"))

    with pytest.raises(errors.InvalidArgumentError) as caught:
        await client.videos.wait_for("batch_1", **arguments)

    assert caught.value.field in arguments
    assert transport.requests == []


async def test_a_real_wait_follows_a_real_video(sandbox: Any, client: AsyncBluma) -> None:
    """Against the sandbox: progress follows its clock, and the video is completed after the documented 105 s."""
    video = await client.videos.create({"prompt": "Test"}, "ugc-text-overlay")
    reported: List[int] = []

    class Moving(FakeClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            await sandbox.advance(seconds)

    patient = AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, clock=Moving())
    async with patient:
        done = await patient.videos.wait_for(video.id, on_progress=reported.append)

    assert done.completed_at is not None
    assert (done.completed_at - done.created_at).total_seconds() == 105
    assert reported == sorted(set(reported))
    assert (reported[0], reported[-1]) == (0, 100)
    assert len(reported) > 15

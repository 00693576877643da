"""A wait says early that no answer comes, and that a status is unknown; the caller says what else is final."""

from __future__ import annotations

import asyncio
from typing import Any, List

import pytest

from bluma import StatusInfo
from bluma_async import AsyncBluma, AsyncLuma, errors
from bluma_async.waiting.contact import SILENCE
from tests.fakes import VIDEO, FakeClock, FakeTransport, answer, client_with, problem
from tests.waiting.served import served, wait_all
from tests.waiting.virtual import SlowServer, hang, run_with_slow_server


def seen(status: str, progress: Any = None) -> Any:
    """Return an answer with a video of this status and progress."""
    return answer(200, {**VIDEO, "status": status, "progress": progress})


CUT = errors.NetworkError("Cannot connect to api.example.com", request_sent=False)


async def test_a_server_that_is_never_reached_is_reported_early(caplog: pytest.LogCaptureFixture) -> None:
    """After 10 s without an answer `on_status` is called once, and one line is logged at WARNING."""
    news: List[StatusInfo] = []
    client, _, _ = client_with(CUT, CUT, CUT, seen("completed"), max_retries=0)

    await client.videos.wait_for("batch_1", on_status=news.append)

    assert [(info.id, info.status, info.elapsed) for info in news] == [
        ("batch_1", None, SILENCE),
        ("batch_1", "completed", 15),
    ]
    assert news[0].error is not None
    assert str(news[0]) == "no answer for 10 s: Cannot connect to api.example.com"
    [record] = caplog.records
    assert (record.levelname, "batch_1" in record.getMessage()) == ("WARNING", True)
    assert "Cannot connect to api.example.com" in record.getMessage()


async def test_the_error_claims_nothing_about_a_video_that_was_never_seen() -> None:
    """Without any answer, nothing is known about the video: the error names the failure and what to check."""
    client, _, _ = client_with(CUT, max_retries=0)

    with pytest.raises(errors.WaitTimeoutError) as caught:
        await client.videos.wait_for("batch_1", timeout=60)

    assert str(caught.value) == (
        "Waiting timed out: no answer came in 60 s, so video batch_1 was never seen (the last poll failed: Cannot "
        "connect to api.example.com). Check the network and base_url, then wait again with its id."
    )
    assert "continues" not in str(caught.value)
    assert caught.value.__cause__ is CUT
    assert (caught.value.last, caught.value.video_id) == (None, "batch_1")


async def test_the_error_of_a_server_that_fails_throughout() -> None:
    """Answers came, but none with a state."""
    client, _, _ = client_with(problem(503), max_retries=0)

    with pytest.raises(errors.WaitTimeoutError) as caught:
        await client.videos.wait_for("batch_1", timeout=60)

    assert str(caught.value) == (
        "Waiting timed out: video batch_1 was never seen in 60 s (the last poll failed: It failed). It is not known "
        "whether it exists or is being made; wait again with its id."
    )


@pytest.mark.parametrize("reply", [problem(503), problem(429), seen("processing")])
async def test_a_server_that_answers_is_not_reported(reply: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A 503 and a 429 are answers: the server is there."""
    news: List[StatusInfo] = []
    client, _, _ = client_with(reply, max_retries=0)

    with pytest.raises(errors.WaitTimeoutError):
        await client.videos.wait_for("batch_1", timeout=60, on_status=news.append)

    assert all(info.error is None for info in news)
    assert caplog.records == []


async def test_a_later_outage_is_no_silence(caplog: pytest.LogCaptureFixture) -> None:
    """The server was reached once; failed polls after that are logged by the retries alone."""
    client, _, _ = client_with(seen("processing"), CUT, CUT, CUT, CUT, seen("completed"), max_retries=0)

    assert (await client.videos.wait_for("batch_1")).status == "completed"
    assert caplog.records == []


def test_a_hook_that_hangs_is_reported_too() -> None:
    """No answer can come while a hook holds the request; the report says that it is in flight."""
    news: List[StatusInfo] = []

    async def work(client: AsyncBluma, _: SlowServer) -> None:
        with pytest.raises(errors.WaitTimeoutError, match="no answer came in 20 s"):
            await client.with_options(on_request=hang).videos.wait_for("v", timeout=20, on_status=news.append)

    run_with_slow_server(work, {"v": 1e9}, 0.1)

    assert [str(info) for info in news] == ["no answer for 10 s: The first poll has not ended."]


async def test_many_silent_waits_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Waits that began together are logged together; each is reported to its own `on_status`."""
    news: List[StatusInfo] = []
    client, _, _ = client_with(CUT, max_retries=0)

    waits = (client.videos.wait_for(f"v{number}", timeout=30, on_status=news.append) for number in range(50))
    outcomes = await asyncio.gather(*waits, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {errors.WaitTimeoutError}
    assert len({info.id for info in news}) == len(news) == 50
    [record] = caplog.records
    assert record.getMessage().startswith("No answer has come to 50 wait(s)")


async def test_a_status_that_cannot_be_read_does_not_end_a_wait() -> None:
    """The video is polled further; the error does not propose to take its status for a final one."""
    odd = answer(200, {**VIDEO, "status": None})
    patient, _, _ = client_with(odd, seen("completed"))
    client, _, _ = client_with(odd)

    with pytest.raises(errors.WaitTimeoutError) as caught:
        await client.videos.wait_for("batch_1", timeout=60)

    assert (await patient.videos.wait_for("batch_1")).status == "completed"
    assert "last seen: unknown, because the answer had no readable status" in str(caught.value)
    assert "final_statuses" not in str(caught.value)


async def test_each_status_is_announced_once() -> None:
    """`on_status` gets the statuses in order, known or not, and may be async."""
    news: List[str] = []

    async def note(info: StatusInfo) -> None:
        news.append(f"{info} {info.is_final}")

    replies = ["queued", "queued", "processing", "rescheduled", "rescheduled", "processing", "completed"]
    client, _, _ = client_with(*map(seen, replies))

    await client.videos.wait_for("batch_1", on_status=note)

    assert news == [
        "queued False",
        "processing False",
        "rescheduled (an unknown status) False",
        "processing False",
        "completed True",
    ]


async def test_statuses_of_many_videos_come_from_the_lists() -> None:
    """`on_status` costs no request: the list of active jobs has the status."""
    ends = {f"v{number}": 8.0 for number in range(50)}
    client, server, _ = served(ends)
    plain, plain_server, _ = served(ends)
    news: List[StatusInfo] = []

    await wait_all(client, ends, on_status=news.append)
    await wait_all(plain, ends)

    assert {(info.id, str(info.status)) for info in news} == {
        (name, s) for name in ends for s in ("processing", "completed")
    }
    assert len(server.sent) == len(plain_server.sent)


async def test_an_unknown_status_is_logged_once_and_named_by_the_error(caplog: pytest.LogCaptureFixture) -> None:
    """It may be final or not: polling goes on, and the log and the error say how to end it."""
    client, transport, _ = client_with(seen("cancelled"))

    with pytest.raises(errors.WaitTimeoutError) as caught:
        await client.videos.wait_for("batch_1", timeout=60)

    assert len(transport.requests) == 13
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == (
        "batch_1 has the status 'cancelled', which this version of the SDK does not know. Polling goes on; if the "
        "status is final, pass final_statuses=['cancelled']."
    )
    assert str(caught.value) == (
        "Waiting timed out: video batch_1 was not finished after 60 s (last seen: cancelled, a status that this "
        "version does not know). If that is final, pass final_statuses=['cancelled']; wait again with its id."
    )


@pytest.mark.parametrize("crowd", [0, 20])
async def test_the_caller_says_what_is_final(caplog: pytest.LogCaptureFixture, crowd: int) -> None:
    """A wait ends with one of its own final statuses, beside others that go on; nothing is logged for it."""

    def serve(request: Any) -> Any:
        if "?" in request.url:
            return answer(200, {"videos": [], "pagination": {"total": 0, "total_pages": 0}})
        name = request.url.rpartition("/")[2]
        return answer(200, {**VIDEO, "id": name, "status": "cancelled" if name == "v" else "processing"})

    client, _, clock = client_with(serve)
    others = [asyncio.ensure_future(client.videos.wait_for(f"w{number}")) for number in range(crowd)]

    video = await client.videos.wait_for("v", final_statuses=["cancelled", "archived"])

    assert (video.status, clock.slept) == ("cancelled", [])
    assert caplog.records == []
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def test_two_waits_for_one_video_end_with_different_statuses() -> None:
    """`processing` is final for the first alone; the second goes on to the end."""
    client, transport, _ = client_with(seen("queued"), seen("processing"), seen("completed"))

    first, second = await asyncio.gather(
        client.videos.wait_for("batch_1", final_statuses={"processing"}), client.videos.wait_for("batch_1")
    )

    assert (first.status, second.status) == ("processing", "completed")
    assert len(transport.requests) == 3


async def test_a_listed_status_can_be_final_for_a_wait() -> None:
    """Among many waits, the list names the status; the video is then read in full."""
    ends = {f"v{number}": 9.0 for number in range(20)}
    client, _, _ = served(ends)
    others = [asyncio.ensure_future(client.videos.wait_for(name)) for name in list(ends)[1:]]

    video = await client.videos.wait_for("v0", final_statuses=["processing"], on_status=lambda _: None)

    assert (video.status, video.progress) == ("processing", 7)
    await asyncio.gather(*others)


@pytest.mark.parametrize("value", ["cancelled", [""], [1], None, 5, {"cancelled": 1}, [["x"]]])
async def test_impossible_final_statuses_are_refused(value: Any) -> None:
    """Before any request, also by `generate`, which would pay first."""
    client, transport, _ = client_with(seen("completed"))

    for call in (
        client.videos.wait_for("batch_1", final_statuses=value),
        client.videos.generate({"prompt": "x"}, "t", final_statuses=value),
    ):
        with pytest.raises(errors.InvalidArgumentError) as caught:
            await call
        assert caught.value.field == "final_statuses"
    with pytest.raises(errors.InvalidArgumentError):
        client.batch("journal.sqlite", final_statuses=value)
    assert transport.requests == []


@pytest.mark.parametrize("wrong", [{"poll_interval": 0}, {"timeout": -1}, {"on_progress": 5}, {"on_status": "x"}])
async def test_generate_checks_its_wait_before_it_pays(wrong: Any) -> None:
    """A create that is followed by an impossible wait is not sent."""
    client, transport, _ = client_with(seen("completed"))

    with pytest.raises(errors.InvalidArgumentError):
        await client.videos.generate({"prompt": "x"}, "t", **wrong)

    assert transport.requests == []


async def test_generate_returns_a_video_with_another_final_status(tmp_path: Any) -> None:
    """A video with a status of `final_statuses` is returned, and no file is saved."""
    client, _, _ = client_with(answer(202, {**VIDEO, "status": "queued"}), seen("cancelled"))

    video = await client.videos.generate(
        {"prompt": "x"}, "t", save_to=tmp_path / "x.mp4", final_statuses=["cancelled"], on_status=lambda _: None
    )

    assert video.status == "cancelled"
    assert list(tmp_path.iterdir()) == []


async def test_luma_announces_the_words_of_its_provider(caplog: pytest.LogCaptureFixture) -> None:
    """An unknown word is logged once and polled further, unless the caller says that it is final."""
    clock = FakeClock()
    unknown = answer(200, {"id": "g", "state": "parked"})
    transport = FakeTransport(unknown, clock=clock)
    news: List[str] = []
    luma = AsyncLuma("vapi", "key", transport=transport, clock=clock)

    with pytest.raises(errors.WaitTimeoutError, match=r"pass final_statuses=\['parked'\]"):
        await luma.generations.wait_for("g", timeout=30)
    assert len(caplog.records) == 1
    ended = await luma.generations.wait_for(
        "g", final_statuses=["parked"], on_status=lambda info: news.append(str(info))
    )

    assert (ended.state, ended.raw_state, news) == ("unknown", "parked", ["parked (an unknown status)"])


async def test_a_report_keeps_no_frames() -> None:
    """The failure of a poll is kept for as long as a wait takes; its frames would keep the request alive."""
    client, _, _ = client_with(CUT, max_retries=0)
    kept: List[Any] = []

    with pytest.raises(errors.WaitTimeoutError):
        await client.videos.wait_for("v", timeout=20, on_status=kept.append)

    assert kept[0].error.__traceback__ is None

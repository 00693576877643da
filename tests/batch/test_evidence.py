"""Whose video is it: batches adopt on positive evidence only, and bill each job once."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.request_log import RequestRecord
from tests.batch.helpers import TEMPLATE, forget_process, make_rows, run_all
from tests.servers import as_another_process

LOST = ("drop_after", "status_after", "drop_before")


@pytest.mark.timeout(60)  # 200 creates
async def test_an_exclusive_batch_survives_lost_answers(quick: Sandbox, tmp_path: Path) -> None:
    """Of 200 creates 30 % lose their answers, accepted or not: 200 files, 200 bills, and no job in doubt."""
    sent = 0

    def lose_some(_: Any) -> None:
        nonlocal sent
        sent += 1
        if sent % 10 in (2, 5, 8):
            quick.faults.add("POST /videos", LOST[sent % 3], status=500)

    options: Any = {"base_url": quick.base_url, "retry_delay": 0.0, "settle_time": 0.0}
    async with AsyncBluma(quick.live_key, **options) as client:
        creating = client.with_options(on_request=lambda info: lose_some(info) if info.method == "POST" else None)
        batch = creating.batch(out=tmp_path, poll_interval=0.01, exclusive=True)
        results = await run_all(batch, make_rows(200))
        status = await batch.status()

    assert {str(result.state) for result in results} == {"saved"}
    assert (status.saved, status.in_doubt, quick.state()["billed"]) == (200, 0, 200)
    assert len(list(tmp_path.glob("*.mp4"))) == len({result.video_id for result in results}) == 200
    assert sent > 200


@pytest.mark.parametrize("is_ours_accepted", [False, True])
async def test_a_foreign_video_disproves_exclusive(
    quick: Sandbox, exclusive: Batch, caplog: Any, is_ours_accepted: bool
) -> None:
    """Somebody else creates during the run: nothing is adopted any more, and the video is named."""
    strangers = AsyncBluma(quick.live_key, base_url=as_another_process(quick.base_url))
    foreign = []

    async def intrude(record: RequestRecord) -> None:
        if record.route == "POST /videos" and quick.state()["billed"] == 1:
            foreign.append(await strangers.videos.create({"prompt": "theirs"}, TEMPLATE))
            if is_ours_accepted:  # an answered create in between: the foreign video is older than the next window
                return
            quick.faults.add("POST /videos", "drop_after")

    quick.watch(intrude)
    if is_ours_accepted:
        quick.faults.add("POST /videos", "drop_after", skip=3)
    with caplog.at_level(logging.WARNING, "bluma"):
        results = await run_all(exclusive, make_rows(5))
    await strangers.aclose()

    [doubt] = [result for result in results if result.state == "in_doubt"]
    named = foreign[0].id
    assert named in str(doubt.error) or len(doubt.candidates) == 2
    assert "was created by somebody else" in caplog.text
    assert "was created by somebody else" in str(doubt.error)
    assert named not in {result.video_id for result in results}
    assert quick.state()["billed"] == 6


async def test_an_accepted_create_is_never_planned_again(
    quick: Sandbox, client: AsyncBluma, batch: Batch, exclusive: Batch
) -> None:
    """Its answer cannot be read, and neither can the list: it is in doubt without candidates. Later it is found."""
    quick.faults.add("POST /videos", "not_json")
    quick.faults.add("GET /videos", "status", status=500, times=None, skip=1)

    [lost] = await run_all(batch, make_rows(1))
    stopped, again, replanned = batch.stopped, await run_all(batch, make_rows(1)), await batch.retry()
    quick.faults.clear()
    forget_process(client)
    [found] = await run_all(exclusive, make_rows(1))

    assert isinstance(lost.error, errors.AmbiguousCreateError)
    assert (lost.state, lost.candidates, lost.error.accepted) == ("in_doubt", [], True)
    assert (stopped is not None, again, replanned) == (True, [], 0)
    assert (found.state, quick.state()["billed"]) == ("saved", 1)


async def test_candidates_of_an_accepted_create_are_found_later(
    quick: Sandbox, client: AsyncBluma, batch: Batch
) -> None:
    """Without evidence the job stays in doubt, and the next run adds its candidate."""
    quick.faults.add("POST /videos", "not_json")
    quick.faults.add("GET /videos", "status", status=500, times=None, skip=1)
    await run_all(batch, make_rows(1))
    quick.faults.clear()
    forget_process(client)

    await run_all(batch, make_rows(1))

    [listed] = [result async for result in batch.results("in_doubt")]
    assert (len(listed.candidates), quick.state()["billed"]) == (1, 1)


async def test_candidates_are_ordered_by_their_times(quick: Sandbox, sandbox: Sandbox, batch: Batch) -> None:
    """The video that was created closest to the create comes first, although a later one is listed first."""
    quick.faults.add("POST /videos", "status_after", status=500)
    strangers = AsyncBluma(quick.live_key, base_url=as_another_process(quick.base_url))

    async def intrude(record: RequestRecord) -> None:
        if record.route == "POST /videos" and quick.state()["billed"] == 1:
            await quick.advance(20)
            await strangers.videos.create({"prompt": "theirs"}, TEMPLATE)

    quick.watch(intrude)
    [doubt] = await run_all(batch, make_rows(1))
    await strangers.aclose()

    prompts = [sandbox._running.videos.need(name)["prompt"] for name in doubt.candidates]
    assert prompts == ["Number 0", "theirs"]


async def test_a_create_that_was_settled_elsewhere_is_not_sent_again(
    quick: Sandbox, client: AsyncBluma, exclusive: Batch, tmp_path: Path
) -> None:
    """`client.settle()` found the video of a job: the journal's next run takes that one, and bills nothing."""
    quick.faults.add("POST /videos", "drop_after")
    quick.faults.add("GET /videos", "drop_before", times=None, skip=1)
    [lost] = await run_all(exclusive, make_rows(1))
    quick.faults.clear()
    [settled] = await client.with_options(exclusive=True).settle()

    [found] = await run_all(exclusive, make_rows(1))

    assert settled.video is not None
    assert (lost.state, found.state, found.video_id) == ("creating", "saved", settled.video.id)
    assert quick.state()["billed"] == 1


async def test_an_error_of_a_hook_after_the_answer_fails_no_job(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The create was accepted before the hook raised: the job is not failed, and the next run has its video."""

    def fail(info: Any) -> None:
        if info.method == "POST":
            raise errors.NotFoundError("mine")

    failing = client.with_options(on_response=fail).batch(out=tmp_path, poll_interval=0.01)
    [lost] = await run_all(failing, make_rows(1))
    [found] = await run_all(client.batch(out=tmp_path, poll_interval=0.01), make_rows(1))

    assert (lost.state, found.state, quick.state()["billed"]) == ("creating", "saved", 1)


@pytest.mark.parametrize("hook", ["should_retry", "on_retry"])
@pytest.mark.parametrize(
    "kind", [errors.NotFoundError, errors.ValidationError, errors.RateLimitError, errors.InsufficientCreditsError]
)
async def test_an_error_of_a_hook_after_a_lost_answer_stops_the_run(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, hook: Any, kind: Any
) -> None:
    """Whatever its class: no other create of the template is sent before the next run has found the video."""
    quick.faults.add("POST /videos", "drop_after")

    def fail(*_: Any) -> None:
        raise kind("mine")

    hooked: Any = {hook: fail}
    failing = client.with_options(**hooked).batch(out=tmp_path, poll_interval=0.01, exclusive=True)
    results = await run_all(failing, make_rows(3))
    billed = quick.state()["billed"]
    again = await run_all(client.batch(out=tmp_path, poll_interval=0.01, exclusive=True), make_rows(3))

    assert [(result.key, result.state) for result in results] == [("k0", "creating")]
    assert isinstance(failing.stopped, errors.AmbiguousCreateError)
    assert isinstance(failing.stopped.__cause__, kind)
    assert billed == 1
    assert ([result.state for result in again], quick.state()["billed"]) == (["saved"] * 3, 3)

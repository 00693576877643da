"""For each way to lose an answer: one bill for a create that returned, at most one for a create that raised."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Dict, List, Optional, Union

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from bluma_async.types import Video
from tests.servers import as_another_process

TEMPLATE = "ugc-text-overlay"
# For each outcome its fault, and the result of a single create: returned, certainly refused, or in doubt.
OUTCOMES: Dict[str, tuple[Optional[str], Dict[str, Any], str]] = {
    "connect refused": (None, {}, "refused"),
    "cut before": ("drop_before", {}, "returned"),
    "cut after accept": ("drop_after", {}, "doubt"),
    "silent after accept": ("silent", {}, "doubt"),
    "500 before accept": ("status", {"status": 500}, "returned"),
    "500 after accept": ("status_after", {"status": 500}, "doubt"),
    "502 before accept": ("status", {"status": 502}, "returned"),
    "502 after accept": ("status_after", {"status": 502}, "doubt"),
    "504 before accept": ("status", {"status": 504}, "returned"),
    "504 after accept": ("status_after", {"status": 504}, "doubt"),
    "503": ("status", {"status": 503}, "returned"),
    "429": ("status", {"status": 429}, "refused"),
    "garbage 202": ("not_json", {}, "doubt"),
}
AT_ONCE: Dict[str, Any] = {"retry_delay": 0.0, "settle_time": 0.0}  # the sandbox commits and lists at once
Outcome = Union[Video, BaseException]


async def create_all(client: AsyncBluma, count: int) -> List[Outcome]:
    """Create so many videos in parallel, each with its own prompt."""
    jobs = (client.videos.create({"prompt": f"mine {number}"}, TEMPLATE) for number in range(count))
    return list(await asyncio.gather(*jobs, return_exceptions=True))


@pytest.mark.parametrize("count", [1, 50])
@pytest.mark.parametrize("key", ["live", "test"])
@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_one_bill_each(sandbox: Sandbox, outcome: str, key: str, count: int) -> None:
    """One create, and fifty in parallel while another client creates from the same template."""
    kind, details, expected = OUTCOMES[outcome]
    mine = sandbox.live_key if key == "live" else sandbox.test_key
    base_url = sandbox.base_url if kind else "http://127.0.0.1:1"
    options: Dict[str, Any] = {"base_url": base_url, **AT_ONCE, "timeout": 2.0 if kind != "silent" else 0.5}
    async with AsyncBluma(mine, **options) as client, AsyncBluma(
        mine, base_url=as_another_process(sandbox.base_url), timeout=0.5
    ) as stranger:
        if kind:
            await client.templates.list()  # connected
            sandbox.faults.add("POST /videos", kind, times=count, **details)
        if count == 1:
            outcomes = await create_all(client, 1)
        else:
            outcomes, *_ = await asyncio.gather(create_all(client, count), *(quietly(stranger) for _ in range(3)))

    returned = [entry for entry in outcomes if isinstance(entry, Video)]
    raised = [entry for entry in outcomes if not isinstance(entry, Video)]
    made = {row["id"]: row["prompt"] for row in sandbox._running.videos.newest_first()}
    foreign = sum(prompt.startswith("theirs") for prompt in made.values())
    assert len({video.id for video in returned}) == len(returned)
    for number, entry in enumerate(outcomes):  # no create returns the video of another
        if isinstance(entry, Video):
            assert made[entry.id] == f"mine {number}"
            assert list(made.values()).count(f"mine {number}") == 1
        else:
            assert isinstance(entry, errors.BlumaError)
            assert list(made.values()).count(f"mine {number}") <= 1
    assert len(returned) <= len(made) - foreign <= len(returned) + len(raised)
    assert sandbox.state()["billed"] == (len(made) if key == "live" else 0)
    if count == 1:
        assert len(returned) == (expected == "returned")
        assert isinstance(raised[0], errors.AmbiguousCreateError) is (expected == "doubt") if raised else True


async def quietly(stranger: AsyncBluma) -> None:
    """Create as another client would; its errors do not matter."""
    with contextlib.suppress(errors.BlumaError):
        await stranger.with_options(on_ambiguous="raise", max_retries=0).videos.create({"prompt": "theirs"}, TEMPLATE)


async def test_a_create_beside_others_waits_for_their_answers(sandbox: Sandbox) -> None:
    """One create is cut before it is accepted, nine are answered late: their videos are theirs, the one is retried."""
    sandbox.faults.add("POST /videos", "drop_before", times=1)
    sandbox.faults.add("POST /videos", "delay", seconds=0.1, times=9)

    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, **AT_ONCE) as client:
        outcomes = await create_all(client, 10)

    assert [entry for entry in outcomes if not isinstance(entry, Video)] == []
    assert sandbox.state()["billed"] == 10


async def test_an_answer_that_was_lost_can_be_adopted(sandbox: Sandbox) -> None:
    """One candidate, and no other create that could have made it: the call returns the video, in full."""
    options: Dict[str, Any] = {"base_url": sandbox.base_url, **AT_ONCE, "on_ambiguous": "adopt"}
    async with AsyncBluma(sandbox.live_key, **options) as client:
        for number in range(5):
            sandbox.faults.add("POST /videos", "drop_after")
            video = await client.videos.create({"prompt": f"mine {number}"}, TEMPLATE)
            assert sandbox._running.videos.need(video.id)["prompt"] == f"mine {number}"
            assert (video.template_id, video.created_at is None) == (TEMPLATE, False)

    assert sandbox.state()["billed"] == 5


async def test_a_video_that_two_creates_may_have_made_is_not_adopted(sandbox: Sandbox) -> None:
    """Two answers are lost at the same time: the videos cannot be told apart, so none is adopted."""
    sandbox.faults.add("POST /videos", "drop_after", times=2)
    options: Dict[str, Any] = {"base_url": sandbox.base_url, **AT_ONCE, "on_ambiguous": "adopt"}

    async with AsyncBluma(sandbox.live_key, **options) as client:
        await client._session.require_exclusive()  # else each create waits for the lock first, and one may be alone
        outcomes = await create_all(client, 2)

    assert {type(entry) for entry in outcomes} == {errors.AmbiguousCreateError}
    assert sandbox.state()["billed"] == 2

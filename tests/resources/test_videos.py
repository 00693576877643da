"""`client.videos`, against the sandbox: create, read, list."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, List

import aiohttp
import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from tests.fakes import answer, client_with
from tests.resources.made import PROMPT


async def test_a_video_from_create_to_download(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Items 20, 28, 31, 39, 40 and 43: a video is created, rendered and downloaded as documented."""
    created = await client.videos.create(PROMPT, "ugc-text-overlay", options={"resolution": "4k", "watermark": False})
    await sandbox.advance(70)
    half = await client.videos.get(created.id)
    await sandbox.advance(35)
    done = await client.videos.get(created.id)
    link = await client.videos.download(done.id)

    assert (created.id[:6], f"{created.status}", created.credits_charged) == ("batch_", "queued", 6)
    assert (half.status, half.progress, half.url) == ("processing", 65, None)
    assert (done.status, done.progress, done.duration, type(done.size_bytes)) == ("completed", 100, 15, int)
    assert link.expires_at is not None
    assert done.completed_at is not None
    assert link.expires_at - done.completed_at == timedelta(hours=1)
    async with aiohttp.ClientSession() as plain, plain.get(link.download_url) as response:
        body = await response.read()
    assert (response.status, len(body), body[4:8]) == (200, done.size_bytes, b"ftyp")


async def test_a_video_that_is_not_completed_cannot_be_downloaded(client: AsyncBluma) -> None:
    """The error names the status of the video."""
    video = await client.videos.create(PROMPT, "ugc-text-overlay")

    with pytest.raises(errors.ValidationError, match="queued") as caught:
        await client.videos.download(video.id)

    assert caught.value.metadata == {"status": "queued"}


async def test_videos_are_listed_and_iterated(sandbox: Sandbox, client: AsyncBluma) -> None:
    """V4: pages and filters; and all videos, newest first."""
    made: List[str] = []
    for template in ["ugc-text-overlay"] * 4 + ["cat-explainer-v2"]:
        made.append((await client.videos.create(PROMPT, template)).id)
        await sandbox.advance(10)
    middle = (await client.videos.get(made[2])).created_at

    page = await client.videos.list(page=2, limit=2)
    cats = await client.videos.list(template_id="cat-explainer-v2")
    late = await client.videos.list(from_date=middle, to_date=middle + timedelta(seconds=15))
    everything = [video.id async for video in client.videos.iterate(page_size=2)]
    queued = [video.id async for video in client.videos.iterate(status="completed")]

    assert [video.id for video in page] == [made[2], made[1]]
    assert (page.pagination.total, page.pagination.total_pages, len(cats)) == (5, 3, 1)
    assert [video.id for video in late] == [made[3]]
    assert everything == made[::-1]
    assert queued == []
    assert len([request for request in sandbox.requests if request.query.endswith("limit=2")]) == 4


async def test_no_video_is_returned_twice(sandbox: Sandbox, client: AsyncBluma) -> None:
    """A video that is created while pages are read moves others to the next page; each is returned once."""
    made = [(await client.videos.create(PROMPT, "ugc-text-overlay")).id for _ in range(4)]
    seen: List[str] = []

    async for video in client.videos.iterate(page_size=2):
        seen.append(video.id)
        if len(seen) == 1:
            await client.videos.create(PROMPT, "ugc-text-overlay")

    assert seen == made[::-1]


@pytest.mark.parametrize("arguments", [{"limit": 0}, {"limit": 101}, {"limit": True}, {"page": 0}, {"page": "1"}])
async def test_an_invalid_page_is_refused(arguments: Any) -> None:
    """Invalid page numbers are refused before any request."""
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError) as caught:
        await client.videos.list(**arguments)
    with pytest.raises(errors.InvalidArgumentError):
        client.videos.iterate(page_size=0)
    with pytest.raises(errors.InvalidArgumentError):
        await client.credits.get_history(offset=-1)

    assert caught.value.field in arguments
    assert transport.requests == []


async def test_an_unknown_status_is_kept(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Item 48: an unknown status is a value like any other."""
    video = await client.videos.create(PROMPT, "ugc-text-overlay")
    sandbox.faults.add("GET /videos/{id}", "new_status")

    assert (await client.videos.get(video.id)).status == "rescheduled"


async def test_an_answer_about_another_video_is_invalid() -> None:
    """It is an error of the server, and not shown as the video that was asked for; a second answer may be right."""
    client, transport, _ = client_with(answer(200, {"id": "batch_2", "status": "completed"}), max_retries=0)
    retrying, _, _ = client_with(
        answer(200, {"id": "batch_2", "status": "completed"}), answer(200, {"id": "batch_1", "status": "queued"})
    )

    with pytest.raises(errors.ServerError, match="not about the video batch_1") as caught:
        await client.videos.get("batch_1")
    read = await retrying.videos.get("batch_1")

    assert (caught.value.status, caught.value.http_status, len(transport.requests)) == (502, 200, 1)
    assert (read.id, read.status) == ("batch_1", "queued")


async def test_an_answer_about_another_video_does_not_end_a_wait() -> None:
    """The other video is completed; this one is polled until it is."""
    other = answer(200, {"id": "batch_2", "status": "completed", "url": "https://cdn.example.com/2.mp4"})
    done = answer(200, {"id": "batch_1", "status": "completed", "url": "https://cdn.example.com/1.mp4"})
    client, _, _ = client_with(other, done, max_retries=0)

    video = await client.videos.wait_for("batch_1")

    assert (video.id, video.url) == ("batch_1", "https://cdn.example.com/1.mp4")

"""The charge of a create is known later too, although the documented answer to a read of a video has none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._session.evidence import MAX_KNOWN, CreateEvidence
from bluma_async.resources._videos.shared_wait import SharedVideoSource
from bluma_async.resources._videos.source import VideoSource
from bluma_async.stores.news import PollTurn
from bluma_async.types import VideoEvent
from tests.batch.helpers import forget_process
from tests.fakes import DATE, START, answer, client_with

PROMPT = {"prompt": "p"}
ACCEPTED = answer(202, {"id": "batch_1", "status": "queued", "template_id": "t", "credits_charged": 6}, {"Date": DATE})
NO_COORDINATOR: Any = None  # reading a recorded state needs none
COMPLETED = {  # the ten keys of the quickstart
    "id": "batch_1",
    "status": "completed",
    "progress": 100,
    "template_id": "t",
    "url": "https://cdn.example/v.mp4",
    "thumbnail_url": "https://cdn.example/v.jpg",
    "duration": 45,
    "size_bytes": 8_453_120,
    "created_at": "2025-11-03T10:30:00Z",
    "completed_at": "2025-11-03T10:31:45Z",
}


async def generate(client: AsyncBluma) -> Any:
    """Create and wait in one call."""
    return await client.videos.generate(PROMPT, "t")


async def wait(client: AsyncBluma) -> Any:
    """Create, then wait for the id."""
    return await client.videos.wait_for((await client.videos.create(PROMPT, "t")).id)


async def wait_by_handle(client: AsyncBluma) -> Any:
    """Start, then wait by the handle."""
    return await (await client.videos.start(PROMPT, "t")).wait()


async def wait_elsewhere(client: AsyncBluma) -> Any:
    """Start, and wait in another process, which has the stored handle."""
    saved = (await client.videos.start(PROMPT, "t")).to_json()
    forget_process(client)
    return await client.videos.job(saved).wait()


async def get(client: AsyncBluma) -> Any:
    """Create, then read the video."""
    return await client.videos.get(await client.videos.create(PROMPT, "t"))


@pytest.mark.parametrize("obtain", [generate, wait, wait_by_handle, wait_elsewhere, get])
async def test_a_read_without_a_charge_has_that_of_the_create(obtain: Any) -> None:
    """The answer to the create is the only one that must name it."""
    client, _, _ = client_with(ACCEPTED, answer(200, COMPLETED))

    video = await obtain(client)

    assert (video.status, video.credits_charged) == ("completed", 6)


@pytest.mark.parametrize(("named", "expected"), [(4, 4), (0, 0), (None, 6), ("missing", 6)])
async def test_a_charge_that_a_read_names_counts(named: Any, expected: int) -> None:
    """A server that names the charge knows it better, also if it is 0; null is the same as none."""
    fields = {} if named == "missing" else {"credits_charged": named}
    client, _, _ = client_with(ACCEPTED, answer(200, {**COMPLETED, **fields}))

    video = await get(client)

    assert video.credits_charged == expected


async def test_a_state_from_an_event_has_the_charge() -> None:
    """The event of a failure has no `credits_consumed`."""
    client, _, _ = client_with(ACCEPTED)
    await client.videos.create(PROMPT, "t")
    event: Any = {"id": "evt_1", "type": "video.failed", "created_at": START, "data": {"id": "batch_1"}}

    state = VideoSource(client._session).merge_event(None, VideoEvent(event))

    assert state is not None
    assert (state.status, state.credits_charged) == ("failed", 6)


async def test_lists_have_the_charge_of_the_create() -> None:
    """The documented rows of a list have no price. Another video keeps what its row says."""
    other = {**COMPLETED, "id": "batch_2"}
    page = {"videos": [COMPLETED, other], "pagination": {"page": 1, "limit": 20, "total": 2, "total_pages": 1}}
    client, _, _ = client_with(ACCEPTED, answer(200, page), answer(200, page))
    await client.videos.create(PROMPT, "t")

    listed = [*await client.videos.list(), *[video async for video in client.videos.iterate()]]

    assert [video.credits_charged for video in listed] == [6, 0, 6, 0]
    assert ["credits" in video.to_html() for video in listed] == [True, False, True, False]


async def test_the_charge_of_another_video_is_not_known() -> None:
    """A video that this process has not created is read as it is."""
    client, _, _ = client_with(answer(200, COMPLETED))

    assert (await client.videos.get("batch_1")).credits_charged == 0


def test_the_charges_that_are_kept_are_bounded() -> None:
    """A process that creates for years forgets the oldest."""
    evidence = CreateEvidence()

    for number in range(MAX_KNOWN + 1):
        evidence.note_charge(f"batch_{number}", 2)

    assert (evidence.find_charge("batch_0"), evidence.find_charge("batch_1")) == (0, 2)


@pytest.mark.parametrize("odd", ["6", -1, True, 1.5])
async def test_a_handle_with_an_odd_charge_is_refused(odd: Any) -> None:
    """It is not one that `to_json` has returned."""
    client, _, _ = client_with(ACCEPTED)
    saved = json.loads((await client.videos.start(PROMPT, "t")).to_json())

    with pytest.raises(errors.InvalidArgumentError, match="'credits_charged' must be a whole number of credits"):
        client.videos.job({**saved, "credits_charged": odd})


async def test_a_state_that_another_process_has_read_has_the_charge() -> None:
    """The processes share the states that they read, and not the answers to their creates."""
    client, _, _ = client_with(ACCEPTED)
    await client.videos.create(PROMPT, "t")
    recorded = {"id": "polled", "type": "video.completed", "data": {"id": "batch_1", "credits_charged": 0}}
    source = SharedVideoSource(client._session, NO_COORDINATOR)

    state = source._read_state(PollTurn(is_mine=False, body=json.dumps(recorded)))

    assert state is not None
    assert (state.status, state.credits_charged) == ("completed", 6)

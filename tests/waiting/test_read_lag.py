"""Reads may lag behind creates: 404 for a video that was created just now does not end a wait for it."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async import errors
from tests.fakes import VIDEO, answer, client_with, problem

CREATED = answer(202, {**VIDEO, "status": "queued"})
DONE = answer(200, VIDEO)


async def test_a_wait_for_a_new_video_tolerates_404() -> None:
    """Two polls do not see the video; the third one does."""
    client, transport, clock = client_with(CREATED, problem(404), problem(404), DONE)

    made = await client.videos.create({"prompt": "x"}, "t")
    video = await client.videos.wait_for(made.id)

    assert (video.status, clock.slept) == ("completed", [5, 5])
    assert len(transport.requests) == 4


async def test_a_video_that_stays_unseen_ends_the_wait() -> None:
    """After 60 s no read lags any more: the video is gone."""
    client, _, clock = client_with(CREATED, problem(404))

    made = await client.videos.create({"prompt": "x"}, "t")
    with pytest.raises(errors.NotFoundError):
        await client.videos.wait_for(made.id)

    assert sum(clock.slept) == 60


async def test_a_wait_that_never_sees_a_new_video_times_out() -> None:
    """The deadline of the wait holds: the error says that the video was never seen."""
    client, _, _ = client_with(CREATED, problem(404))

    made = await client.videos.create({"prompt": "x"}, "t")
    with pytest.raises(errors.WaitTimeoutError, match="never seen"):
        await client.videos.wait_for(made.id, timeout=10)


@pytest.mark.parametrize("call", ["wait_for other", "get"])
async def test_other_ids_and_get_raise_at_once(call: str) -> None:
    """Another id is unknown, and `get` reports the present state."""
    client, _, clock = client_with(CREATED, problem(404))
    made = await client.videos.create({"prompt": "x"}, "t")

    wanted: Any = client.videos.get(made.id) if call == "get" else client.videos.wait_for("batch_2")
    with pytest.raises(errors.NotFoundError):
        await wanted

    assert clock.slept == []

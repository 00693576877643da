"""A worker that was frozen records its video while a client settles the create of its job."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async.stores.postgres.creates import PostgresCreates
from bluma_async.stores.states import JobState
from tests.sharing.conftest import CONTEXT, TEMPLATE, MakeClient
from tests.stores.test_sharing import PostgresFleet, intend


@pytest.mark.parametrize("moment", ["before the search", "after the search"])
async def test_the_job_of_a_woken_worker_has_its_video(
    make_client: MakeClient, postgres: str, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The job is not planned again, and the template's turn is free."""
    client, fleet, real = make_client(), PostgresFleet(postgres), PostgresCreates.release
    worker = await fleet.join()
    held = await intend(worker, "k", "mine", settles_after=0.0, template=TEMPLATE)
    await fleet.expire(worker)

    async def wake(*_: Any) -> None:
        await worker.bill(held.place, "video-1", 2, request_key="mine")

    async def release(creates: PostgresCreates, number: int) -> None:
        await wake()
        await real(creates, number)

    if moment == "after the search":
        monkeypatch.setattr(PostgresCreates, "release", release)
    else:
        monkeypatch.setattr(PostgresCreates, "read_preset", wake)

    created = await client.videos.create(CONTEXT, template_id=TEMPLATE, key="its own")
    job = await worker.read(held.place)

    assert job is not None
    assert (job.state, job.video_id) == (JobState.RENDERING, "video-1")
    assert created.id != "video-1"
    for store in fleet.opened:
        await store.close()

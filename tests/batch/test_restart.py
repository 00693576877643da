"""Restarts in virtual time: `settle_time` holds up only the jobs whose creates were interrupted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Dict, List

import pytest

from bluma_async import AsyncBluma
from bluma_async.batch.api import BatchApi
from bluma_async.batch.batch import Batch
from bluma_async.batch.options import BatchOptions
from bluma_async.batch.parsing import parse_job
from bluma_async.stores.jobs import Intent
from bluma_async.stores.memory.jobs import MemoryJobStore
from tests.batch.helpers import TEMPLATE, make_rows
from tests.fakes import FakeTransport, answer
from tests.simulation.virtual import EPOCH, VirtualClock, VirtualLoop, run_virtually


class Api:
    """A model of the API: every video is finished at once, and is listed once its moment has come."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.made: List[Dict[str, Any]] = []
        self.posts: List[float] = []

    def make(self, listed_at: float) -> Dict[str, Any]:
        moment = (EPOCH + timedelta(seconds=self._loop.seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        video = {"id": f"batch_{len(self.made)}", "template_id": TEMPLATE, "status": "completed", "created_at": moment}
        self.made.append({**video, "listed_at": listed_at})
        return video

    def serve(self, request: Any) -> Any:
        if request.method == "POST":
            self.posts.append(self._loop.seconds)
            return answer(202, self.make(self._loop.seconds))
        if "/templates/" in request.url:
            return answer(200, {"id": TEMPLATE})
        if "/videos/" in request.url:
            return answer(200, next(entry for entry in self.made if request.url.endswith(entry["id"])))
        listed = [entry for entry in reversed(self.made) if entry["listed_at"] <= self._loop.seconds]
        return answer(200, {"videos": listed, "pagination": {"total": len(listed), "total_pages": 1}})


async def continue_batch(loop: VirtualLoop, api: Api, concurrency: int) -> Dict[str, float]:
    """Run four jobs, of which an earlier process left the first one in `creating`; return when each was finished."""
    store, times = MemoryJobStore(), {}
    clock = VirtualClock(loop)
    fixed: Dict[str, Any] = {"max_credits": None, "on_error": "collect", "poll_interval": 1.0, "timeout": 60}
    options = BatchOptions.checked("unused", None, concurrency=concurrency, on_change=None, **fixed)

    async def open_store(*, to_write: bool) -> MemoryJobStore:
        return store

    async with AsyncBluma("bluma_test_key", transport=FakeTransport(api.serve), clock=clock, exclusive=True) as client:
        batch = Batch(options, BatchApi(client._session, client._hub), open_store)
        async for _ in batch.run([]):
            pass
        await store.plan(parse_job(make_rows(1)[0], "job 1"))
        await store.intend(1, Intent("interrupted", clock.utc()))
        async for result in batch.run(make_rows(4)):
            assert result.is_done, result
            times[result.key] = loop.seconds
    return times


@pytest.mark.parametrize("concurrency", [1, 8])
def test_other_jobs_do_not_wait_for_an_interrupted_one(concurrency: int) -> None:
    """The interrupted create was never accepted: it is sent again after 30 s, and the other three at once."""
    loop = VirtualLoop()
    api = Api(loop)

    times = run_virtually(loop, continue_batch(loop, api, concurrency))

    assert {key: round(moment) for key, moment in times.items()} == {"k0": 30, "k1": 0, "k2": 0, "k3": 0}
    assert [round(moment) for moment in api.posts] == [0, 0, 0, 30]


@pytest.mark.parametrize(("listed_at", "expected"), [(0, 0), (29, 30)])
def test_an_interrupted_create_that_was_accepted_is_found(listed_at: float, expected: float) -> None:
    """At once if it is listed already, else by the search after `settle_time`; it is not sent again."""
    loop = VirtualLoop()
    api = Api(loop)
    api.make(listed_at)

    times = run_virtually(loop, continue_batch(loop, api, 2))

    assert round(times["k0"]) == expected
    assert (len(api.made), len(api.posts)) == (4, 3)

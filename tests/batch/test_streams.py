"""Jobs from iterators, which are read one by one."""

from __future__ import annotations

from pathlib import Path
from typing import AsyncIterator, Iterator

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch
from bluma_async.sandbox import Sandbox
from tests.batch.helpers import TEMPLATE, Row, make_rows, run_all


async def test_jobs_may_come_one_by_one(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """An endless source is read no faster than its jobs are started and their results consumed."""
    taken = 0

    def endless() -> Iterator[Row]:
        nonlocal taken
        while True:
            taken += 1
            yield {"template_id": TEMPLATE, "prompt": "x", "key": f"n{taken}"}

    run = client.batch(out=tmp_path, concurrency=2, poll_interval=0.01).run(endless())
    first = [await run.__anext__() for _ in range(3)]
    await run.aclose()  # type: ignore[attr-defined]  # a generator

    assert {result.state for result in first} == {"saved"}
    assert taken <= 3 + 2 * 2 + 2


async def test_jobs_may_come_from_an_async_source(quick: Sandbox, batch: Batch) -> None:
    """An invalid row ends the run, after the jobs that were started before it have finished."""

    async def source() -> AsyncIterator[Row]:
        for row in make_rows(2):
            yield row
        yield {"prompt": "no template"}

    with pytest.raises(errors.InvalidArgumentError, match="job 3"):
        await run_all(batch, source())

    assert (await batch.status()).saved == 2


async def test_an_unknown_template_in_a_stream_fails_its_job(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The job fails before its create if prices are needed, else by its create; other jobs are not affected."""
    for limit in (None, 100):
        folder = tmp_path / str(limit)
        batch = client.batch(out=folder, max_credits=limit, poll_interval=0.01)
        jobs = iter([{"template_id": "made-up", "prompt": "x", "key": "odd"}, *make_rows(1)])

        states = {result.key: result.state for result in await run_all(batch, jobs)}

        assert states == {"odd": "failed", "k0": "saved"}
    assert quick.state()["billed"] == 2

"""Submit jobs, and wait for them: in the process that runs them, and in others."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, AsyncIterator, Dict, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch
from bluma_async.sandbox import Sandbox
from bluma_async.stores.memory.jobs import MemoryJobStore
from tests.batch.helpers import TEMPLATE, make_rows, run_all
from tests.batch.test_store import batch_in_memory
from tests.fakes import FakeClock

OTHER = """
import asyncio, sys
from bluma_async import AsyncBluma

async def main(url, key, out):
    async with AsyncBluma(key, url) as client:
        batch = client.batch(out=out)
        print(await batch.submit([{"template_id": "ugc-text-overlay", "prompt": "x", "key": "sky"}]), flush=True)
        result = await batch.wait("sky", timeout=15)
        print(result.state, result.path, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_submitted_jobs_are_run_later(quick: Sandbox, batch: Batch) -> None:
    """Nothing is created by the submission; the number of new jobs is returned."""
    counts = [await batch.submit(make_rows(2)), await batch.submit(make_rows(3))]
    billed = quick.state()["billed"]
    results = await run_all(batch)

    assert (counts, billed) == ([2, 1], 0)
    assert sorted((result.key, str(result.state)) for result in results) == [(f"k{n}", "saved") for n in range(3)]
    assert (await batch.submit(make_rows(3)), await run_all(batch)) == (0, [])


async def test_a_run_takes_jobs_that_are_submitted_meanwhile(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """It was started without jobs; another object, as another process would have, submits."""
    runner = client.batch(out=tmp_path, poll_interval=0.01, concurrency=1)
    await runner.submit(make_rows(3))
    keys: List[str] = []

    async for result in runner.run():
        keys.append(result.key)
        if len(keys) == 1:
            late: Dict[str, Any] = {"template_id": TEMPLATE, "prompt": "late", "key": "late"}
            assert await client.batch(out=tmp_path).submit([late]) == 1

    assert keys == ["k0", "k1", "k2", "late"]


async def test_a_run_of_given_jobs_leaves_others_for_later(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """They stay planned until a run without jobs."""
    runner = client.batch(out=tmp_path, poll_interval=0.01, concurrency=1)
    late: Dict[str, Any] = {"template_id": TEMPLATE, "prompt": "late", "key": "late"}

    keys = []
    async for result in runner.run(make_rows(2)):
        keys.append(result.key)
        await client.batch(out=tmp_path).submit([late])

    assert keys == ["k0", "k1"]
    assert [(result.key, result.state) for result in await run_all(runner)] == [("late", "saved")]


async def test_files_and_streams_are_submitted(quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """A file, an iterator and an async iterator; each is read to its end."""
    file = tmp_path / "jobs.csv"
    file.write_text(f"template_id,prompt,key\n{TEMPLATE},x,a\n{TEMPLATE},y,b\n", encoding="utf-8")

    async def stream() -> AsyncIterator[Dict[str, Any]]:
        for row in make_rows(3):
            yield row

    assert await batch.submit(file) == 2
    assert await batch.submit(iter(make_rows(2))) == 2
    assert await batch.submit(stream()) == 1
    assert (await batch.status()).planned == 5


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
async def test_a_pipe_is_submitted(quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """The rows of a named pipe are submitted, although it can be read only once."""
    pipe = tmp_path / "jobs.jsonl"
    os.mkfifo(pipe)
    lines = "\n".join(map(json.dumps, make_rows(2)))
    writing = asyncio.get_running_loop().run_in_executor(None, pipe.write_text, lines)

    assert await batch.submit(pipe) == 2
    await writing


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*make_rows(1), {"prompt": "x"}, {"prompt": "y"}], "2 rows are invalid"),
        ([*make_rows(1), {**make_rows(1)[0], "prompt": "another"}], "the key 'k0' is also that of job 1"),
        ([*make_rows(1), {"template_id": "no-such", "prompt": "x"}], "job 2, template_id: there is no template"),
        ([{**make_rows(1)[0], "resolution": "4k"}, {"template_id": "no-such", "prompt": "x"}, {}], "job 3"),
        (None, "submit needs jobs"),
        ({"template_id": TEMPLATE, "prompt": "x"}, "put a single one into a list"),
    ],
)
async def test_one_invalid_row_refuses_the_submission(batch: Batch, rows: Any, message: str) -> None:
    """Rows are validated before templates; nothing is planned."""
    await batch.submit([{"template_id": TEMPLATE, "prompt": "old", "key": "old"}])

    with pytest.raises(errors.InvalidArgumentError, match=message):
        await batch.submit(rows)

    assert (await batch.status()).total == 1


async def test_another_content_under_a_known_key_is_refused(quick: Sandbox, batch: Batch) -> None:
    """A run may be creating the job at this moment; a run with the corrected row replaces it."""
    await batch.submit(make_rows(1))
    corrected = [{**make_rows(1)[0], "prompt": "corrected"}]

    with pytest.raises(errors.InvalidArgumentError, match="'k0' was another job in this journal"):
        await batch.submit(corrected)

    [result] = await run_all(batch, corrected)
    assert result.state == "saved"


async def test_another_accounts_journal_takes_no_jobs(quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """Its videos cannot be read with this key."""
    await run_all(batch, make_rows(1))

    async with Sandbox(clock="manual", render=False) as elsewhere:
        stranger = AsyncBluma(elsewhere.live_key, base_url=elsewhere.base_url)
        with pytest.raises(errors.InvalidArgumentError, match="another account"):
            await stranger.batch(out=tmp_path).submit(make_rows(2))
        await stranger.aclose()


async def test_a_store_in_memory_takes_submissions(quick: Sandbox, client: AsyncBluma) -> None:
    """Any store takes submissions, also one in memory; a run creates their videos."""
    batch = batch_in_memory(client, MemoryJobStore())

    assert await batch.submit(make_rows(2)) == 2
    assert [result.state for result in await run_all(batch)] == ["rendered"] * 2
    assert (await batch.wait("k1")).state == "rendered"


async def test_a_wait_ends_with_the_job(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """It returns the recorded result, although the run is not over; keys are compared as by file systems."""
    batch = client.batch(out=tmp_path, poll_interval=0.01)
    await batch.submit(make_rows(1))
    wait = asyncio.ensure_future(batch.wait("K0", timeout=15))

    run = batch.run([*make_rows(1), {"template_id": TEMPLATE, "prompt": "x [fail]", "key": "bad"}])
    await run.__anext__()
    result = await wait
    await run.aclose()  # type: ignore[attr-defined]  # a generator

    assert (result.key, result.state, result.path) == ("k0", "saved", str(tmp_path / "k0.mp4"))
    assert result.is_done


async def test_a_failed_job_ends_its_wait(quick: Sandbox, batch: Batch) -> None:
    """The result has the reason."""
    await run_all(batch, [{"template_id": TEMPLATE, "prompt": "x [fail]", "key": "bad"}])

    result = await batch.wait("bad", timeout=0)

    assert result.state == "failed"
    assert "failed" in str(result.error)


async def test_without_a_folder_a_wait_ends_with_the_render(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """With a folder, the same job still lacks its file."""
    journal = tmp_path / "jobs.sqlite"
    await run_all(client.batch(journal, poll_interval=0.01), make_rows(1))

    assert (await client.batch(journal).wait("k0", timeout=0)).state == "rendered"
    with pytest.raises(errors.WaitTimeoutError, match="last seen: rendered, video batch_"):
        await client.batch(journal, out=tmp_path).wait("k0", timeout=0)


async def test_a_wait_times_out_with_the_last_state(sandbox: Sandbox, tmp_path: Path) -> None:
    """The journal is read until the timeout, and not beyond; the job is not changed."""
    clock = FakeClock()
    client = AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, clock=clock)
    batch = client.batch(out=tmp_path)
    await batch.submit(make_rows(1))

    with pytest.raises(errors.WaitTimeoutError, match=r"job 'k0' had not ended after 1.2 s \(last seen: planned\)"):
        await batch.wait("k0", timeout=1.2)

    assert [round(seconds, 6) for seconds in clock.slept] == [0.5, 0.5, 0.2]
    assert (await batch.status()).planned == 1
    await client.aclose()


async def test_waits_that_cannot_end(client: AsyncBluma, tmp_path: Path) -> None:
    """No such journal, no such job, and no valid timeout."""
    batch = client.batch(out=tmp_path)

    with pytest.raises(errors.InvalidArgumentError, match="no journal at"):
        await batch.wait("k0")
    await batch.submit(make_rows(1))
    with pytest.raises(errors.InvalidArgumentError, match="no job 'sky' in the journal"):
        await batch.wait("sky")
    with pytest.raises(errors.InvalidArgumentError, match="timeout must be"):
        await batch.wait("k0", timeout=-1)


async def test_any_process_submits_and_waits(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Another process submits a job and waits for it, while this one runs the batch again and again."""
    batch = client.batch(out=tmp_path, poll_interval=0.01)
    await batch.submit(make_rows(1))
    arguments = ["-c", OTHER, quick.base_url, quick.live_key, str(tmp_path)]
    other = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)

    async def run() -> None:
        while other.returncode is None:
            await run_all(batch)
            await asyncio.sleep(0.05)

    runs = asyncio.ensure_future(run())
    out, _ = await other.communicate()
    await runs

    assert out.decode().split() == ["1", "saved", str(tmp_path / "sky.mp4")]
    assert quick.state()["billed"] == 2

"""Batches in PostgreSQL: several runs at once share the work, and each job is billed once."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from pathlib import Path
from typing import Any, List

import aiohttp
import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._runtime.clock import SystemClock
from bluma_async.batch import job_creator
from bluma_async.batch.sharing import JobCoordinator
from bluma_async.sandbox import Sandbox
from bluma_async.stores.jobs import Intent
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.types._model import utc_now
from tests.batch.helpers import TEMPLATE, make_rows, run_all
from tests.postgres import PostgresServer
from tests.servers import as_another_process


def make_batch(client: AsyncBluma, url: str, out: Path, **options: Any) -> Any:
    """Return a batch in a database."""
    return client.batch(url, out=out, poll_interval=0.05, **options)


async def test_a_batch_in_postgresql_has_the_api_of_one_in_a_file(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """Failures are retried, finished jobs are skipped, nothing is billed twice, and files are saved."""
    batch = make_batch(client, postgres, tmp_path)
    jobs = [*make_rows(5), {"template_id": TEMPLATE, "prompt": "x [fail]", "key": "bad"}]

    first = {result.key: result.state for result in await run_all(batch, jobs)}
    again = await run_all(batch, jobs)
    count = await batch.retry()
    retried = await run_all(batch)

    assert first == {**{f"k{n}": "saved" for n in range(5)}, "bad": "failed"}
    assert (again, count, [result.key for result in retried]) == ([], 1, ["bad"])
    assert [result.key async for result in batch.results("failed")] == ["bad"]
    assert ((await batch.status()).credits_net, quick.state()["billed"]) == (10, 7)
    assert len(list(tmp_path.glob("*.mp4"))) == 5


async def test_runs_at_the_same_time_share_the_jobs(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """Three runs of one list: each job is created once, by one of them, and all runs end."""
    jobs = make_rows(12)
    batches = [make_batch(client, postgres, tmp_path, concurrency=2) for _ in range(3)]

    results = await asyncio.gather(*(run_all(batch, jobs) for batch in batches))

    assert sorted(result.key for one in results for result in one) == sorted(row["key"] for row in jobs)
    assert all(result.is_done for one in results for result in one)
    assert quick.state()["billed"] == 12


async def test_a_stream_of_jobs_is_shared_too(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """A job that another run holds is not created again."""

    async def stream() -> Any:
        for row in make_rows(4):
            yield row

    batches = [make_batch(client, postgres, tmp_path) for _ in range(2)]

    results: List[Any] = await asyncio.gather(*(run_all(batch, stream()) for batch in batches))

    assert sorted(result.key for one in results for result in one) == ["k0", "k1", "k2", "k3"]
    assert quick.state()["billed"] == 4


async def test_a_lost_file_is_downloaded_by_one_process(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """One run downloads the lost file; its video is not rendered again."""
    batch = make_batch(client, postgres, tmp_path)
    await run_all(batch, make_rows(2))
    (tmp_path / "k1.mp4").unlink()

    assert [result.key for result in await run_all(batch)] == ["k1"]
    assert (tmp_path / "k1.mp4").exists()
    assert quick.state()["billed"] == 2


async def test_the_credit_limit_is_one_for_all_processes(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """Two runs together spend no more than it; a run that names none obeys it too."""
    limited, other = make_batch(client, postgres, tmp_path, max_credits=10), make_batch(client, postgres, tmp_path)
    await run_all(limited, [])

    await asyncio.gather(run_all(limited, make_rows(8)), run_all(other, make_rows(8)))

    status = await limited.status()
    assert (status.credits_charged, status.saved, status.planned) == (10, 5, 3)
    assert isinstance(limited.stopped, errors.InsufficientCreditsError)
    assert isinstance(other.stopped, errors.InsufficientCreditsError)


class NoticingClock(SystemClock):
    """A clock that tells when somebody sleeps on it."""

    def __init__(self) -> None:
        self.is_slept_on = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.is_slept_on.set()
        await super().sleep(seconds)


async def test_a_limit_that_is_set_while_a_create_waits_for_its_turn_is_generous_enough(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """The price of a variant was not read before, because there was no limit; it is read then."""
    variant = await client.variants.create(TEMPLATE, "v", {"prompt": "x"})
    batch, clock = make_batch(client, postgres, tmp_path), NoticingClock()
    await batch.submit([{"variant_id": variant.id, "prompt": "p", "key": "waits"}, {**make_rows(1)[0], "key": "holds"}])
    holder: Any = await PostgresJobStore.open(postgres, to_write=True)
    held = await holder.find("holds")
    await holder.intend(held.place, Intent("open-create", utc_now(), holder.sharing.epoch, 2, 600.0))
    client._session.shared.clock = clock

    running = asyncio.ensure_future(run_all(batch))
    await clock.is_slept_on.wait()
    await holder.agree(1000, None)
    await holder.release(held.place, "refused")
    await holder.close()

    assert [(result.key, result.state) for result in await running][:1] == [("waits", "saved")]


async def test_two_folders_for_one_batch_are_refused(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """A run with another folder is refused before anything is created."""
    await run_all(make_batch(client, postgres, tmp_path), make_rows(1))

    with pytest.raises(errors.InvalidArgumentError, match="need one folder"):
        await run_all(make_batch(client, postgres, tmp_path / "other"), make_rows(2))

    assert quick.state()["billed"] == 1


async def test_a_key_of_another_account_is_refused(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """Its newest video cannot be read with it."""
    await run_all(make_batch(client, postgres, tmp_path), make_rows(1))

    async with Sandbox(clock="manual", render=False) as elsewhere:
        stranger = AsyncBluma(elsewhere.live_key, base_url=elsewhere.base_url)
        async with stranger:
            with pytest.raises(errors.InvalidArgumentError, match="another account"):
                await run_all(make_batch(stranger, postgres, tmp_path), make_rows(2))
        assert elsewhere.state()["billed"] == 0


async def test_a_run_ends_when_the_tables_are_those_of_another_journal(
    quick: Sandbox, client: AsyncBluma, postgres: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """They may belong to another account and folder: nothing more is created or recorded."""
    batch = make_batch(client, postgres, tmp_path, concurrency=1)

    async def run() -> None:
        async for _ in batch.run(make_rows(9)):
            another = "UPDATE bluma_meta SET value = 'another' WHERE name = 'journal' RETURNING 1"
            postgres_server.fetch(postgres, another)

    with pytest.raises(errors.BlumaError, match="were made anew, or restored"):
        await run()

    assert quick.state()["billed"] <= 2
    assert postgres_server.fetch(postgres, "SELECT count(*) FROM bluma_jobs WHERE state = 'planned'")[0][0] >= 7


async def streamed(rows: List[Any]) -> Any:
    """Yield rows one by one."""
    for row in rows:
        yield row


@pytest.mark.parametrize(
    ("concurrency", "jobs"),  # with one worker, that one waits for the turn of the lost create
    [(1, list), (1, streamed), (100, list)],
)
async def test_the_create_of_a_dead_process_is_settled_by_another(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path, postgres_server: Any, concurrency: int, jobs: Any
) -> None:
    """Its job is created again only after its age, by the database's clock, proves that it was not accepted."""
    batch = make_batch(client, postgres, tmp_path, concurrency=concurrency)
    assert await batch.submit(make_rows(2)) == 2
    await leave_open(postgres, "k0", utc_now(), settles_after=1.5)
    postgres_server.fetch(postgres, "UPDATE bluma_workers SET ends_at = now() - interval '1 s' RETURNING 1")
    began = time.monotonic()

    results = await run_all(batch, jobs(make_rows(2)))

    assert sorted((result.key, result.state) for result in results) == [("k0", "saved"), ("k1", "saved")]
    assert quick.state()["billed"] == 2
    assert time.monotonic() - began > 1


async def test_a_lost_create_is_found_although_this_process_saw_its_video_first(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path, postgres_server: Any
) -> None:
    """The baseline of a process that starts after the create has its video; the create is the older of the two."""
    batch = make_batch(client, postgres, tmp_path, exclusive=True)
    await batch.submit(make_rows(2))
    await leave_open(postgres, "k0", utc_now(), settles_after=1.5)
    body = {"template_id": TEMPLATE, "context": {"prompt": "Number 0"}}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {quick.live_key}"}) as other:
        answer = await other.post(f"{quick.base_url}/videos", json=body)
        lost = (await answer.json())["id"]
    postgres_server.fetch(postgres, "UPDATE bluma_workers SET ends_at = now() - interval '1 s' RETURNING 1")

    results = {result.key: result for result in await run_all(batch)}

    assert results["k0"].video_id == lost
    assert {result.state for result in results.values()} == {"saved"}
    assert quick.state()["billed"] == 2


async def test_the_answer_of_another_process_is_not_believed(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """A proxy in between answered with the video of another process's job; the job's own is searched for, and found."""
    other = client.with_options(base_url=as_another_process(quick.base_url))
    await run_all(make_batch(other, postgres, tmp_path), make_rows(1))
    quick.faults.add("POST /videos", "stray_answer")

    results = await run_all(make_batch(client, postgres, tmp_path, exclusive=True), make_rows(2))

    assert [(result.key, result.state) for result in results] == [("k1", "saved")]
    assert len({result.video_id async for result in make_batch(client, postgres, tmp_path).results()}) == 2
    assert quick.state()["billed"] == 2


async def test_a_run_that_is_cancelled_as_an_answer_is_compared_records_it(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The video is paid, and its id is known. The next run waits for it and saves it."""
    real, is_asked, answers = JobCoordinator.is_anothers, asyncio.Event(), asyncio.Event()

    async def is_anothers(*given: Any) -> bool:
        is_asked.set()
        await answers.wait()
        return await real(*given)

    monkeypatch.setattr(JobCoordinator, "is_anothers", is_anothers)
    monkeypatch.setattr(job_creator, "GRACE", 0.0)
    running = asyncio.ensure_future(run_all(make_batch(client, postgres, tmp_path), make_rows(1)))
    await is_asked.wait()
    running.cancel()
    await asyncio.sleep(0.01)
    answers.set()
    await asyncio.wait([running])

    results = await run_all(make_batch(client, postgres, tmp_path))

    assert running.cancelled()
    assert ([result.state for result in results], client.open_creates) == (["saved"], [])
    assert quick.state()["billed"] == 1


async def leave_open(url: str, key: str, began: datetime, settles_after: float) -> None:
    """Intend the create of a job, and die."""
    dead = await PostgresJobStore.open(url, to_write=True)
    job = await dead.find(key)
    assert job is not None
    assert dead.sharing is not None
    await dead.intend(job.place, Intent("lost", began, dead.sharing.epoch, 2, settles_after))
    dead.sharing._member._task.cancel()
    await dead._database.close()


async def test_any_process_can_submit_and_any_other_can_wait(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """A job that is submitted twice is planned once; a wait ends with the job's result."""
    batch = make_batch(client, postgres, tmp_path)

    assert [await batch.submit(make_rows(count)) for count in (2, 3, 3)] == [2, 1, 0]
    waiting = asyncio.ensure_future(make_batch(client, postgres, tmp_path).wait("k1", timeout=10))
    await run_all(make_batch(client, postgres, tmp_path))

    result = await waiting
    assert (result.key, result.state, result.path) == ("k1", "saved", str(tmp_path / "k1.mp4"))
    await batch.submit([{**make_rows(1)[0], "key": "later"}])
    with pytest.raises(errors.WaitTimeoutError):
        await batch.wait("later", timeout=0)
    with pytest.raises(errors.InvalidArgumentError, match="no job"):
        await batch.wait("unknown", timeout=0)

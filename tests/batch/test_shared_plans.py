"""Batches in PostgreSQL: rows are checked, jobs are planned without a run, and videos are reused, as with a file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Dict, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from bluma_async.stores.postgres.jobs import PostgresJobStore
from tests.batch.helpers import TEMPLATE, make_rows, run_all
from tests.batch.test_plan import counts
from tests.batch.test_reuse import same
from tests.batch.test_shared import make_batch
from tests.postgres import PostgresServer

NO_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


@pytest.mark.parametrize("verb", ["run", "submit"])
async def test_rows_are_checked_before_anything_is_planned(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path, verb: str
) -> None:
    """All mistakes are reported together, and the journal stays empty."""
    batch = make_batch(client, postgres, tmp_path)
    rows = [*make_rows(2), {"template_id": TEMPLATE, "prompt": "x", "key": "a", "options": {"resoluton": "4k"}}]
    rows += [{"template_id": "no-such-template", "prompt": "x", "key": "b"}]

    with pytest.raises(errors.InvalidArgumentError) as raised:
        await (run_all(batch, rows) if verb == "run" else batch.submit(rows))

    assert "2 rows are invalid" in str(raised.value)
    assert "did you mean 'resolution'?" in str(raised.value)
    assert "no template 'no-such-template'" in str(raised.value)
    assert ((await batch.status()).total, quick.state()["billed"]) == (0, 0)


async def test_a_plan_compares_jobs_with_the_journal(
    quick: Sandbox, client: AsyncBluma, postgres: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Also while another process holds the journal. Nothing is written, and no process joins."""
    batch = make_batch(client, postgres, tmp_path)
    await run_all(batch, make_rows(2))
    await batch.submit(make_rows(3))
    running = await PostgresJobStore.open(postgres, to_write=True)
    before = {name: await read_all(postgres_server, postgres, name) for name in ("jobs", "workers", "meta", "intents")}

    plan, of_journal = await batch.plan(make_rows(5)), await batch.plan()

    after = {name: await read_all(postgres_server, postgres, name) for name in before}
    await running.close()
    assert counts(plan) == {"total": 5, "done": 2, "new": 3}
    assert counts(of_journal) == {"total": 3, "done": 2, "new": 1}
    assert (before, quick.state()["billed"]) == (after, 2)


async def test_a_plan_creates_no_tables(
    quick: Sandbox, client: AsyncBluma, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """An empty database is a journal that does not exist yet."""
    url = postgres_server.make_database(is_empty=True)
    batch = make_batch(client, url, tmp_path)

    plan = await batch.plan(make_rows(2))
    with pytest.raises(errors.InvalidArgumentError, match="bluma batch migrate"):
        await batch.plan()

    assert counts(plan) == {"total": 2, "new": 2}
    assert postgres_server.fetch(url, NO_TABLES) == []
    postgres_server.drop(url)


async def test_runs_at_the_same_time_buy_one_content_once(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """The others reuse its video, and it counts once against the shared limit."""
    options: Dict[str, Any] = {"reuse": "content", "concurrency": 2}
    batches = [make_batch(client, postgres, tmp_path, max_credits=2, **options) for _ in range(2)]
    jobs = same("a", "b", "c", "d")

    results: List[Any] = await asyncio.gather(*(run_all(batch, jobs) for batch in batches))

    found = [result for one in results for result in one]
    assert sorted(result.key for result in found) == ["a", "b", "c", "d"]
    assert sorted((result.reused, result.credits_charged) for result in found) == [(False, 2)] + [(True, 0)] * 3
    assert len({result.video_id for result in found}) == 1
    status = await batches[0].status()
    assert (status.saved, status.credits_net, quick.state()["billed"]) == (4, 2, 1)


async def test_the_videos_of_a_shared_journal_can_be_reused_by_others(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """A run with the option records what the journal has bought without it; a plan counts it."""
    await run_all(make_batch(client, postgres, tmp_path), make_rows(2))
    await run_all(make_batch(client, postgres, tmp_path, reuse="content"))
    other = client.batch(out=tmp_path / "other", poll_interval=0.01, reuse="content")

    plan = await other.plan(make_rows(3))
    results = await run_all(other, make_rows(3))

    assert counts(plan) == {"total": 3, "new": 1, "reused": 2}
    assert (quick.state()["billed"], sum(result.reused for result in results)) == (3, 2)


async def read_all(server: PostgresServer, url: str, table: str) -> List[Any]:
    """Return all rows of a table; a worker's sign of life is left out."""
    columns = "epoch" if table == "workers" else "*"
    return await asyncio.get_running_loop().run_in_executor(
        None, server.fetch, url, f"SELECT {columns} FROM bluma_{table} ORDER BY 1"
    )

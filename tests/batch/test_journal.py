"""The journal of a batch: one writer, one account, results of earlier runs."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from bluma.types import JobState
from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.request_log import RequestRecord
from tests.batch.helpers import change_journal, make_rows, run_all, run_refused


async def test_one_run_writes_at_a_time(quick: Sandbox, batch: Batch) -> None:
    """A second run on the same journal is refused, and names the process; reading is allowed."""
    run = batch.run(make_rows(2))
    await run.__anext__()

    with pytest.raises(errors.BlumaError, match="in use by process"):
        await run_all(batch, make_rows(2))
    assert (await batch.status()).total == 2
    await run.aclose()  # type: ignore[attr-defined]  # a generator

    await run_all(batch, make_rows(2))
    assert (await batch.status()).saved == 2


async def test_another_accounts_journal_is_refused(
    quick: Sandbox, client: AsyncBluma, batch: Batch, tmp_path: Path
) -> None:
    """Its videos cannot be read with this key; another key of the same account is accepted."""
    await run_all(batch, make_rows(1))
    other = AsyncBluma(quick.test_key, base_url=quick.base_url)

    if await _can_read(other, batch):
        assert await run_all(other.batch(out=tmp_path), make_rows(1)) == []
    await other.aclose()
    async with Sandbox(clock="manual", render=False) as elsewhere:
        stranger = AsyncBluma(elsewhere.live_key, base_url=elsewhere.base_url)
        with pytest.raises(errors.InvalidArgumentError, match="another account"):
            await run_all(stranger.batch(out=tmp_path), make_rows(2))
        await stranger.aclose()
        assert elsewhere.state()["billed"] == 0


async def test_a_retry_or_adoption_with_another_key_changes_nothing(
    quick: Sandbox, client: AsyncBluma, batch: Batch, tmp_path: Path
) -> None:
    """A wrong key, and the key of another account, leave the journal as it is: a later run would buy its jobs again."""
    await run_all(batch, make_rows(3, prompt="Hello [fail]"))
    change_journal(tmp_path, "UPDATE jobs SET state = 'in_doubt' WHERE key = 'k0'")
    wrong = AsyncBluma("bluma_live_wrong", base_url=quick.base_url)

    async with Sandbox(clock="manual", render=False) as elsewhere:
        stranger = AsyncBluma(elsewhere.live_key, base_url=elsewhere.base_url)
        with pytest.raises(errors.InvalidArgumentError, match="another account"):
            await stranger.batch(out=tmp_path).retry(in_doubt="resubmit")
        with pytest.raises(errors.InvalidArgumentError, match="another account"):
            await stranger.batch(out=tmp_path).adopt("k0", "batch_1")
        await stranger.aclose()
    with pytest.raises(errors.AuthenticationError):
        await wrong.batch(out=tmp_path).retry(in_doubt="resubmit")
    change_journal(tmp_path, "DELETE FROM videos")
    change_journal(tmp_path, "UPDATE jobs SET video_id = NULL")
    with pytest.raises(errors.AuthenticationError):
        await wrong.batch(out=tmp_path).retry(in_doubt="resubmit")
    await wrong.aclose()

    status = await batch.status()
    assert (status.failed, status.in_doubt, status.planned) == (2, 1, 0)


async def _can_read(client: AsyncBluma, batch: Batch) -> bool:
    [result] = [result async for result in batch.results()]
    try:
        await client.videos.get(result.video_id or "")
    except errors.NotFoundError:
        return False
    return True


@pytest.mark.parametrize("state", list(JobState))
async def test_every_state_can_be_listed(batch: Batch, state: JobState) -> None:
    """Results of earlier runs can be read by state; an unknown state is refused."""
    await run_all(batch, make_rows(1))

    listed = [result.key async for result in batch.results(state)]

    assert listed == (["k0"] if state == "saved" else [])
    with pytest.raises(errors.InvalidArgumentError, match="state must be"):
        [result async for result in batch.results("done")]


async def test_a_journal_that_cannot_be_written(quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """A bill that cannot be recorded ends the run; the next run finds the video, and it is billed once."""

    async def break_table(record: RequestRecord) -> None:
        if record.route == "POST /videos":
            await asyncio.get_running_loop().run_in_executor(
                None, change_journal, tmp_path, "ALTER TABLE videos RENAME TO hidden"
            )

    quick.watch(break_table)
    with pytest.raises(errors.BlumaError, match="could not be used"):
        await run_all(batch, make_rows(1))
    change_journal(tmp_path, "ALTER TABLE hidden RENAME TO videos")

    [found] = await run_all(batch, make_rows(1))

    assert found.state == "saved"
    assert quick.state()["billed"] == 1


async def test_journals_that_cannot_be_used(client: AsyncBluma, tmp_path: Path) -> None:
    """A newer version, another database, no database, a missing file, and a missing folder."""
    newer, other, none = tmp_path / "newer", tmp_path / "other", tmp_path / "none"
    _ = [row async for row in client.batch(newer).run([])]
    with contextlib.closing(sqlite3.connect(newer)) as journal:
        journal.execute("PRAGMA user_version = 99")
    with contextlib.closing(sqlite3.connect(other)) as journal:
        journal.execute("CREATE TABLE mine (x)")
    none.write_text("x" * 5000, encoding="utf-8")

    assert "newer version" in str(await run_refused(client, [], journal=newer))
    assert "no journal" in str(await run_refused(client, [], journal=other))
    assert "not a journal" in str(await run_refused(client, [], journal=none))
    assert "could not be used" in str(await run_refused(client, [], journal=tmp_path / "no" / "folder"))
    with pytest.raises(errors.InvalidArgumentError, match="no journal at"):
        await client.batch(tmp_path / "missing").status()

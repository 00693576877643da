"""Shared by the tests of batches: rows, complete runs, and journals as a crash leaves them."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any, Dict, List

import pytest

from bluma.types import BatchResult
from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch

Row = Dict[str, Any]
TEMPLATE = "ugc-text-overlay"


def make_rows(count: int, **more: Any) -> List[Row]:
    """Return so many jobs, each with its own key."""
    return [{"template_id": TEMPLATE, "prompt": f"Number {n}", "key": f"k{n}", **more} for n in range(count)]


async def run_all(batch: Batch, jobs: Any = None) -> List[BatchResult]:
    """Run jobs, and return all their results."""
    return [result async for result in batch.run(jobs)]


def change_journal(folder: Path, statement: str, *values: object) -> None:
    """Execute a statement on the journal in a folder."""
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite")) as journal, journal:
        journal.execute(statement, values)


def rewind(folder: Path, key: str, began: str) -> None:
    """Set a job of the journal to a create that has an intent and no outcome, as a crash leaves it."""
    change_journal(folder, "DELETE FROM videos WHERE place = (SELECT place FROM jobs WHERE key = ?)", key)
    change = "UPDATE jobs SET state = 'creating', video_id = NULL, path = NULL, started_at = ? WHERE key = ?"
    change_journal(folder, change, began, key)


async def run_refused(client: AsyncBluma, jobs: Any, **options: Any) -> errors.BlumaError:
    """Run a batch that is refused, and return the error."""
    with pytest.raises(errors.BlumaError) as raised:
        async for _ in client.batch(**options).run(jobs):
            pass
    return raised.value


def forget_process(client: AsyncBluma) -> None:
    """Forget all that this process knows about creates, as if another process continued its journal."""
    client._session.evidence.__init__()  # type: ignore[misc]  # it is shared, so it cannot be replaced

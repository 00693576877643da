"""Jobs are checked as a whole and planned, before the first create."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from tests.batch.helpers import TEMPLATE, run_refused


async def test_all_invalid_rows_are_reported_together(client: AsyncBluma, tmp_path: Path) -> None:
    """Up to twenty of them."""
    error = await run_refused(client, [{"prompt": "x"}] * 30, out=tmp_path)

    assert str(error).count("\n") == 20
    assert len(error.validation_errors) == 20  # type: ignore[attr-defined]  # an InvalidArgumentError


@pytest.mark.parametrize("jobs", ["missing.csv", "jobs.xlsx", {"template_id": TEMPLATE, "prompt": "x"}])
async def test_arguments_that_are_no_jobs(client: AsyncBluma, tmp_path: Path, jobs: Any) -> None:
    """No such file, a file of another kind, a single job."""
    assert isinstance(await run_refused(client, jobs, out=tmp_path), errors.InvalidArgumentError)


async def test_a_file_of_the_users_is_not_replaced(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A file that the journal did not save is kept, and the job is refused."""
    (tmp_path / "a.mp4").write_bytes(b"mine")

    error = await run_refused(client, [{"template_id": TEMPLATE, "prompt": "x", "key": "a"}], out=tmp_path)

    assert "did not save" in str(error)
    assert (tmp_path / "a.mp4").read_bytes() == b"mine"


async def test_a_row_without_a_bill_can_be_corrected(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A key can get another content if nothing was billed for it; otherwise the row is refused."""
    sandbox.watch(lambda record: sandbox.advance(105) if record.route == "POST /videos" else None)
    batch = client.batch(out=tmp_path, poll_interval=0.01)
    wrong, right = {"variant_id": "no", "prompt": "x", "key": "a"}, {"template_id": TEMPLATE, "prompt": "x", "key": "a"}

    first = [result.state async for result in batch.run([wrong])]
    second = [result.state async for result in batch.run([right])]

    assert (first, second) == (["failed"], ["saved"])
    assert "was another job" in str(await run_refused(client, [{**right, "prompt": "y"}], out=tmp_path))

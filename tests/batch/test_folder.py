"""The folder of a batch: checked before the first create, and full disks."""

from __future__ import annotations

from pathlib import Path

from bluma_async import AsyncBluma
from bluma_async.sandbox import Sandbox
from tests.batch.helpers import TEMPLATE, run_refused


async def test_a_folder_that_cannot_be_written(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A file has its name. Nothing was created."""
    (tmp_path / "out").write_text("mine", encoding="utf-8")

    error = await run_refused(
        client, [{"template_id": TEMPLATE, "prompt": "x"}], out=tmp_path / "out", journal=tmp_path / "j"
    )

    assert "Nothing can be written to" in str(error)
    assert sandbox.state()["jobs"] == {"test": 0, "live": 0}


async def test_a_full_disk_stops_submitting(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A video that cannot be saved stays rendered, and nothing more is created; the next run saves it."""
    sandbox.watch(lambda record: sandbox.advance(105) if record.route == "POST /videos" else None)
    jobs = [{"template_id": TEMPLATE, "prompt": f"{n}", "key": f"k{n}"} for n in range(3)]
    batch = client.batch(out=tmp_path, concurrency=1, poll_interval=0.01)
    (tmp_path / "k0.mp4.part").mkdir()  # a folder has the name of the partial file

    [result] = [result async for result in batch.run(jobs)]
    (tmp_path / "k0.mp4.part").rmdir()
    again = [result.state async for result in batch.run(jobs)]

    assert (result.state, "could not be written" in str(result.error)) == ("rendered", True)
    assert (again, sandbox.state()["billed"]) == (["saved"] * 3, 3)

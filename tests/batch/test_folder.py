"""The files of a batch: places that are checked before a job is billed, wrong files, and full disks."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from bluma.types import BatchResult
from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch
from bluma_async.sandbox import Sandbox
from tests.batch.helpers import TEMPLATE, make_rows, run_all, run_refused
from tests.transfer.disks import make_disk

ROUTE = "GET /cdn/{place}"


async def test_a_folder_that_cannot_be_written(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A file has its name. Nothing was created."""
    (tmp_path / "out").write_text("mine", encoding="utf-8")

    error = await run_refused(
        client, [{"template_id": TEMPLATE, "prompt": "x"}], out=tmp_path / "out", journal=tmp_path / "j"
    )

    assert "Nothing can be written to" in str(error)
    assert sandbox.state()["jobs"] == {"test": 0, "live": 0}


async def test_a_folder_of_the_system_takes_no_files(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """The folder is tried, because permissions do not tell. Nothing was created."""
    error = await run_refused(client, make_rows(1), out="/proc", journal=tmp_path / "j")

    assert "Nothing can be written to '/proc'" in str(error)
    assert sandbox.state()["jobs"] == {"test": 0, "live": 0}


def refuse_disk(monkeypatch: pytest.MonkeyPatch, function: str, is_meant: Any = lambda *_: True) -> None:
    """Let a function of the system fail as on a full disk."""
    real = getattr(os, function)

    def fail(*args: Any, **options: Any) -> Any:
        if is_meant(*args):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*args, **options)

    monkeypatch.setattr(os, function, fail)


async def test_a_full_disk_stops_submitting(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A video that cannot be saved stays rendered, and nothing more is created; the next run saves it."""
    batch = client.batch(out=tmp_path, concurrency=1, poll_interval=0.01)
    with monkeypatch.context() as full:
        refuse_disk(full, "fsync")
        [result] = await run_all(batch, make_rows(3))
    kept = sorted(path.name for path in tmp_path.glob("k0*"))
    again = [result.state for result in await run_all(batch, make_rows(3))]

    assert (result.state, quick.state()["billed"]) == ("rendered", 3)
    assert f"No space left on device. Video {result.video_id} is not lost" in str(result.error)
    assert kept == ["k0.mp4.part", "k0.mp4.part.json"]
    assert again == ["saved"] * 3


async def test_a_disk_that_is_full_already_costs_nothing(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that has become full since the start is noticed before the next job is billed."""

    def fill(result: Any) -> None:  # before the only worker takes the next job
        if result.state == "saved":
            refuse_disk(monkeypatch, "open", lambda path, *_: ".bluma-" in str(path))
            monkeypatch.setattr(os, "statvfs", lambda _: make_disk(room=0))

    batch = client.batch(out=tmp_path, concurrency=1, poll_interval=0.01, on_change=fill)

    results = await run_all(batch, make_rows(3))

    assert [(result.state, type(result.error)) for result in results] == [
        ("saved", type(None)),
        ("planned", errors.InvalidArgumentError),
    ]
    assert "No space left" in str(batch.stopped)
    assert quick.state()["billed"] == 1


async def test_a_file_that_is_no_file_is_refused_with_the_rows(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """A link that leads nowhere has the name of a job's file. Nothing was created."""
    (tmp_path / "k1.mp4").symlink_to(tmp_path / "elsewhere")

    error = await run_refused(client, make_rows(3), out=tmp_path)

    assert "there is a file for 'k1'" in str(error)
    assert quick.state()["billed"] == 0


async def test_a_job_whose_file_cannot_be_written_is_not_billed(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The job stays planned, with the reason; the other jobs go on, and a later run makes it."""
    folder = tmp_path / "k1.mp4"

    async def block(result: BatchResult) -> None:
        if result.state == "rendering" and result.key == "k0":
            await asyncio.get_running_loop().run_in_executor(None, folder.mkdir)

    batch = client.batch(out=tmp_path, poll_interval=0.01, concurrency=1, on_change=block)
    results = {result.key: result for result in await run_all(batch, make_rows(3))}

    assert {key: result.state for key, result in results.items()} == {"k0": "saved", "k1": "planned", "k2": "saved"}
    assert "is a folder, not a file" in str(results["k1"].error)
    assert (quick.state()["billed"], batch.stopped) == (2, None)
    folder.rmdir()
    [result] = await run_all(batch, make_rows(3))
    assert (result.key, result.state) == ("k1", "saved")


async def test_a_file_that_is_not_what_the_api_described_is_not_saved(
    quick: Sandbox, client: AsyncBluma, batch: Batch, tmp_path: Path
) -> None:
    """The job stays rendered with the error, in the journal too, and the others go on; a later run saves it."""
    quick.faults.add(ROUTE, "status", status=200, body="html", times=4)  # the first attempt, and the retries
    only_one = client.batch(out=tmp_path, concurrency=1, poll_interval=0.01)

    results = {result.key: result for result in await run_all(only_one, make_rows(2))}
    listed = {result.key: result.state async for result in batch.results()}

    assert {key: (result.state, type(result.error)) for key, result in results.items()} == {
        "k0": ("rendered", errors.FileContentError),
        "k1": ("saved", type(None)),
    }
    assert listed == {"k0": "rendered", "k1": "saved"}
    assert not (tmp_path / "k0.mp4").exists()
    assert {result.state for result in await run_all(batch, make_rows(2))} == {"saved"}
    assert quick.state()["billed"] == 2


async def test_any_file_can_be_taken(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """With `verify="none"` the job is saved with the file as it is, and later runs leave it alone."""
    quick.faults.add(ROUTE, "status", status=200, body="html", times=1)
    batch = client.batch(out=tmp_path, poll_interval=0.01, verify="none")

    [first] = await run_all(batch, make_rows(1))

    assert (first.state, await run_all(batch, make_rows(1))) == ("saved", [])
    assert (tmp_path / "k0.mp4").read_bytes().startswith(b"<html>")

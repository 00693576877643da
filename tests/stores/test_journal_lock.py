"""The writer's lock on a journal, seen from another process."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bluma_async.errors import BlumaError, InvalidArgumentError
from bluma_async.stores.sqlite.jobs import SQLiteJobStore

ROOT = Path(__file__).resolve().parent.parent.parent
TRY = """
import asyncio, sys
from pathlib import Path
from bluma_async.errors import BlumaError
from bluma_async.stores.sqlite.jobs import SQLiteJobStore

async def main():
    try:
        await (await SQLiteJobStore.open(Path(sys.argv[1]), to_write=True)).close()
    except BlumaError as error:
        return str(error)
    return "opened"

print(asyncio.run(main()))
"""


async def open_elsewhere(path: Path) -> str:
    """Open the journal to write in another process; return `opened`, or the error message."""
    command = [sys.executable, "-c", TRY, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def run() -> str:
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=15, env=environment
        ).stdout.strip()

    return await asyncio.get_running_loop().run_in_executor(None, run)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a journal, in a folder of its own."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "journal.sqlite"


async def test_a_backup_does_not_release_the_lock(path: Path, tmp_path: Path) -> None:
    """The writer copies its folder, which opens and closes every file in it; a second process is still refused."""
    store = await SQLiteJobStore.open(path, to_write=True)

    await asyncio.get_running_loop().run_in_executor(None, shutil.copytree, path.parent, tmp_path / "backup")

    assert f"in use by process {os.getpid()}." in await open_elsewhere(path)
    await store.close()
    assert await open_elsewhere(path) == "opened"


async def test_another_name_of_the_journal_is_no_second_lock(path: Path, tmp_path: Path) -> None:
    """A link leads to the same journal, so it is refused as well."""
    store = await SQLiteJobStore.open(path, to_write=True)
    link = tmp_path / "link.sqlite"
    link.symlink_to(path)

    with pytest.raises(BlumaError, match="in use by process"):
        await SQLiteJobStore.open(link, to_write=True)
    await store.close()


async def test_a_link_in_place_of_the_lock_is_refused(path: Path, tmp_path: Path) -> None:
    """It could lead to any file; nothing is created."""
    Path(f"{path}.lock").symlink_to(tmp_path / "victim")

    with pytest.raises(InvalidArgumentError, match="not a regular file"):
        await SQLiteJobStore.open(path, to_write=True)

    assert not (tmp_path / "victim").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
async def test_a_forked_child_neither_holds_nor_releases_the_lock(path: Path) -> None:
    """A child that ends releases nothing; a child that lives on holds nothing after its parent's release."""
    store = await SQLiteJobStore.open(path, to_write=True)
    ended, reader, writer = os.fork(), *os.pipe()
    if ended == 0:
        os._exit(0)
    os.waitpid(ended, 0)  # noqa: ASYNC222 - it ends at once
    living = os.fork()
    if living == 0:
        os.close(writer)
        os.read(reader, 1)  # until the parent is done
        os._exit(0)

    try:
        assert "in use by process" in await open_elsewhere(path)
        await store.close()
        assert await open_elsewhere(path) == "opened"
    finally:
        os.close(writer)
        os.close(reader)
        os.waitpid(living, 0)  # noqa: ASYNC222 - it ends at once

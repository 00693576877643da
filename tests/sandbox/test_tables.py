"""The data folder: everything that a restart must find again."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
from pathlib import Path
from typing import Any, Dict, Iterator, List

import aiohttp
import pytest

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import JOB, Plain, finish_video


async def test_everything_survives_a_restart(tmp_path: Path) -> None:
    """Videos, files, credits, keys and webhooks are restored from the data folder, and unfinished videos continue."""
    settings: Any = {"clock": "manual", "render": False, "data": tmp_path / "data"}
    async with aiohttp.ClientSession() as session:
        async with Sandbox(**settings) as first:
            plain = Plain(session, first)
            done = await finish_video(plain)
            waiting = await plain.make("second")
            key = (await plain("POST", "/api-keys", {"name": "n", "environment": "test"}))[1]["key"]
            hook = (await plain("POST", "/webhooks", {"url": "https://x/y", "events": ["video.failed"]}))[1]
            await plain("DELETE", f"/webhooks/{hook['id']}")
            before = first.state()
        async with Sandbox(**settings) as second:
            plain.sandbox = second
            after = second.state()
            again = (await plain("GET", f"/videos/{done['id']}"))[1]
            file = await plain("GET", again["url"])
            await second.advance(0)
            await second.advance(105)
            finished_later = (await plain("GET", f"/videos/{waiting['id']}"))[1]
            plain.key = key
            with_key = await plain("GET", "/webhooks")

    assert {**after, "requests": 0} == {**before, "requests": 0}
    assert {**again, "url": 0, "thumbnail_url": 0} == {**done, "url": 0, "thumbnail_url": 0}
    assert (file[0], len(file[1])) == (200, done["size_bytes"])
    assert finished_later["status"] == "completed"
    assert (with_key[0], with_key[1]["webhooks"]) == (200, [])


async def test_the_rate_limit_window_survives_a_restart(tmp_path: Path) -> None:
    """The requests of the last hour still count, for the rest of it, and the key was last used before the restart."""
    settings: Any = {"clock": "manual", "render": False, "rate_limit": 2, "data": tmp_path / "data"}
    async with aiohttp.ClientSession() as session:
        async with Sandbox(**settings) as first:
            plain = Plain(session, first)
            for _ in range(2):
                await plain("GET", "/templates")
            used = [key["last_used"] for key in first._running.keys.all()]
            await first.advance(1000)
        async with Sandbox(**settings) as second:
            plain.sandbox = second
            kept = [key["last_used"] for key in second._running.keys.all()]
            await second.advance(2599)
            early = await plain("GET", "/templates")
            await second.advance(3601)
            late = await plain("GET", "/templates")

    assert (early[0], early[2]["Retry-After"], late[0]) == (429, "1", 200)
    assert kept == used != [None, None]


@pytest.mark.parametrize(("is_honoured", "bills"), [(True, 1), (False, 2)])
async def test_an_idempotency_key_survives_a_restart(tmp_path: Path, bills: int, *, is_honoured: bool) -> None:
    """With `honour_idempotency`, a create that is repeated after a restart returns the first video, at no price."""
    settings: Any = {"clock": "manual", "render": False, "data": tmp_path, "honour_idempotency": is_honoured}
    made: List[str] = []
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with Sandbox(**settings) as sandbox:
                plain = Plain(session, sandbox)
                made.append((await plain("POST", "/videos", JOB, headers={"Idempotency-Key": "k"}))[1]["id"])
                billed = sandbox.count_bills("k")

    assert (len(set(made)), billed) == (bills, bills)


async def test_a_copy_of_the_folder_has_everything_that_was_answered(tmp_path: Path) -> None:
    """A copy taken while the sandbox runs opens with the same state, as after a crash."""
    async with aiohttp.ClientSession() as session:
        async with Sandbox(clock="manual", render=False, data=tmp_path / "data") as first:
            plain = Plain(session, first)
            made = await plain.make()
            database = first._running.database
            while not database._changes.empty():
                await plain("GET", "/templates")
            await asyncio.get_running_loop().run_in_executor(None, database.close)
            shutil.copytree(tmp_path / "data", tmp_path / "copy")
        async with Sandbox(clock="manual", render=False, data=tmp_path / "copy") as second:
            plain.sandbox = second
            status, video, _ = await plain("GET", f"/videos/{made['id']}")

    assert (status, video["id"]) == (200, made["id"])


async def test_a_folder_of_another_version_is_rejected(tmp_path: Path) -> None:
    """The error names the version of the file."""
    database = sqlite3.connect(str(tmp_path / "sandbox.sqlite"))
    database.execute("PRAGMA user_version = 99")
    database.commit()
    database.close()

    with pytest.raises(ValueError, match="version 99"):
        await Sandbox(data=tmp_path).start()


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let new files be readable and writable for everybody, as far as their creator permits it."""
    usual = os.umask(0)
    yield
    os.umask(usual)


def read_modes(folder: Path) -> Dict[str, int]:
    """Return the permissions of a folder, of its files and of its subfolder."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
@pytest.mark.usefixtures("open_umask")
async def test_the_data_folder_is_private(tmp_path: Path) -> None:
    """The database has secrets of webhooks: no other user may read it, while it is written and afterwards."""
    folder = tmp_path / "data"
    async with Sandbox(render=False, data=folder):
        during = read_modes(folder)
    after = read_modes(folder)

    assert {"data", "sandbox.sqlite", "files"} <= set(during)
    assert {name: oct(mode) for name, mode in during.items() if mode & 0o077} == {}
    assert {name: oct(mode) for name, mode in after.items() if mode & 0o077} == {}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
@pytest.mark.usefixtures("open_umask")
async def test_an_existing_folder_is_left_but_its_contents_become_private(tmp_path: Path) -> None:
    """The folder belongs to the user; the files in it are the sandbox's, also those of an earlier version."""
    (tmp_path / "files").mkdir()
    sqlite3.connect(str(tmp_path / "sandbox.sqlite")).close()
    (tmp_path / "sandbox.sqlite").write_bytes(b"")
    tmp_path.chmod(0o755)

    async with Sandbox(render=False, data=tmp_path):
        modes = read_modes(tmp_path)

    assert modes.pop(tmp_path.name) == 0o755
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}

"""The data folder: everything that a restart must find again."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import Plain, finish_video


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

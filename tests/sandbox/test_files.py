"""Files and links: plain, signed, expired, in part; and what survives a restart."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import Plain


async def finished(plain: Plain) -> Any:
    """Return a video that is finished."""
    made = await plain.make()
    await plain.sandbox.advance(0)
    await plain.sandbox.advance(105)
    return (await plain("GET", f"/videos/{made['id']}"))[1]


async def test_files_come_whole_and_in_part(plain: Plain) -> None:
    """Range, suffixes, ETag, If-Range, If-None-Match, HEAD, and a thumbnail."""
    video = await finished(plain)
    plain.key = None
    status, body, headers = await plain("GET", video["url"])
    size, tag = len(body), headers["ETag"]
    part = await plain("GET", video["url"], headers={"Range": "bytes=4-7"})
    rest = await plain("GET", video["url"], headers={"Range": f"bytes={size - 10}-", "If-Range": tag})
    stale = await plain("GET", video["url"], headers={"Range": "bytes=4-7", "If-Range": '"other"'})
    end = await plain("GET", video["url"], headers={"Range": "bytes=-3"})
    beyond = await plain("GET", video["url"], headers={"Range": f"bytes={size}-"})
    same = await plain("GET", video["url"], headers={"If-None-Match": tag})
    head = await plain("HEAD", video["url"])
    picture = await plain("GET", video["thumbnail_url"])

    assert (status, size, headers["Content-Type"]) == (200, video["size_bytes"], "video/mp4")
    assert (part[0], part[1], part[2]["Content-Range"]) == (206, b"ftyp", f"bytes 4-7/{size}")
    assert (rest[0], rest[1]) == (206, body[-10:])
    assert (stale[0], len(stale[1])) == (200, size)
    assert (end[0], end[1]) == (206, body[-3:])
    assert (beyond[0], beyond[2]["Content-Range"]) == (416, f"bytes */{size}")
    assert (same[0], head[0], head[2]["Content-Length"]) == (304, 200, str(size))
    assert picture[1][:3] == b"\xff\xd8\xff"


async def test_signed_links_end(sandbox: Sandbox, plain: Plain) -> None:
    """A signed link works for an hour, as it was signed, and for nothing else."""
    video = await finished(plain)
    link = (await plain("GET", f"/videos/{video['id']}/download"))[1]["download_url"]
    plain.key = None
    await sandbox.advance(3599)
    good = await plain("GET", link)
    other = await plain("GET", link.replace("/videos/", "/thumbnails/").replace(".mp4", ".jpg"))
    changed = await plain("GET", link.replace("signed=", "signed=0"))
    longer = await plain("GET", link.replace("expires=", "expires=9"))
    half = await plain("GET", link.split("&")[0])
    nonsense = await plain("GET", video["url"] + "?expires=soon&signed=x")
    await sandbox.advance(1)
    late = await plain("GET", link)

    assert good[0] == 200
    assert [answer[0] for answer in (other, changed, longer, half, nonsense, late)] == [403] * 6
    assert b"<Code>RequestHasExpired</Code>" in late[1]
    assert b"<Code>SignatureDoesNotMatch</Code>" in changed[1]


@pytest.mark.parametrize("path", ["videos/nothing.mp4", "../sandbox.sqlite", "videos/..%2F..%2Fx", "videos/a/b", "%00"])
async def test_nothing_else_can_be_fetched(plain: Plain, path: str) -> None:
    """Paths that lead elsewhere lead nowhere."""
    plain.key = None

    status, _, _ = await plain("GET", f"{plain.sandbox.origin}/cdn/{path}")

    assert status == 404


async def test_uploads_are_there_when_they_are_whole(sandbox: Sandbox, plain: Plain) -> None:
    """A PUT needs no key and no type; cut short it leaves nothing; a wrong or late link is refused."""
    made = (await plain("POST", "/assets/upload", {"fileName": "a.png", "fileType": "image/png"}))[1]
    plain.key = None
    good = await plain("PUT", made["upload_url"], data=b"x" * 1000)
    stored = await plain("GET", made["cdn_url"])
    wrong = await plain("PUT", made["upload_url"].replace("sig=", "sig=0"), data=b"y")
    as_get = await plain("GET", made["cdn_url"] + "?" + made["upload_url"].split("?")[1])
    await sandbox.advance(3601)
    late = await plain("PUT", made["upload_url"], data=b"z")

    assert (good[0], stored[0], stored[1], stored[2]["Content-Type"]) == (200, 200, b"x" * 1000, "image/png")
    assert [wrong[0], as_get[0], late[0]] == [403] * 3
    assert len(list((sandbox._running.files.folder / "assets").iterdir())) == 1


@pytest.mark.parametrize(
    "parts",
    [[], [("files", b"x", "text/plain")], [("files", b"x", "image/png")] * 21, [("other", b"x", "image/png")]],
)
async def test_bad_multipart_bodies_are_refused(plain: Plain, parts: Any) -> None:
    """No files, wrong kinds, too many: a 400, and no asset."""
    form = aiohttp.FormData([("note", "x")])
    for name, content, kind in parts:
        form.add_field(name, content, filename="f", content_type=kind)
    if not parts:
        form.add_field("files2", b"", filename="x")

    status, _, _ = await plain("POST", "/assets/upload", data=form)
    broken, _, _ = await plain("POST", "/assets/upload", data=b"zz", headers={"Content-Type": "multipart/form-data"})

    assert (status, broken) == (400, 400)
    assert (await plain("GET", "/assets"))[1]["total"] == 0


async def test_everything_survives_a_restart(tmp_path: Path) -> None:
    """With a folder: videos, files, money, keys and webhooks are there again, and what was under way goes on."""
    settings: Any = {"clock": "manual", "render": False, "data": tmp_path / "data"}
    async with aiohttp.ClientSession() as session:
        async with Sandbox(**settings) as first:
            plain = Plain(session, first)
            done = await finished(plain)
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


async def test_an_abrupt_end_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """A copy of the folder taken while the sandbox runs opens as it was."""
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


async def test_a_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    """A file this sandbox cannot read is left alone, and the message says why."""
    database = sqlite3.connect(str(tmp_path / "sandbox.sqlite"))
    database.execute("PRAGMA user_version = 99")
    database.commit()
    database.close()

    with pytest.raises(ValueError, match="version 99"):
        await Sandbox(data=tmp_path).start()

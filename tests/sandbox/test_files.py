"""Files and links: public, signed, expired, in ranges, and uploaded."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import Plain, finish_video

LOCKED, FILM = "sandbox; default-src 'none'", "default-src 'none'; media-src 'self'"


async def test_files_are_served_in_full_and_in_ranges(plain: Plain) -> None:
    """Ranges, suffix ranges, ETag, If-Range, If-None-Match, HEAD, and a thumbnail."""
    video = await finish_video(plain)
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


async def test_signed_links_expire(sandbox: Sandbox, plain: Plain) -> None:
    """A signed link works for an hour; a link with another place, signature or expiry is rejected."""
    video = await finish_video(plain)
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
async def test_paths_outside_of_the_folder_are_not_served(plain: Plain, path: str) -> None:
    """A path that is not a known place is a 404."""
    plain.key = None

    status, _, _ = await plain("GET", f"{plain.sandbox.origin}/cdn/{path}")

    assert status == 404


async def test_an_upload_is_stored_and_served(sandbox: Sandbox, plain: Plain) -> None:
    """A PUT needs no key and no content type; a wrong or expired link is rejected, and no partial file is left."""
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
    ("kind", "is_shown", "policy"),
    [
        ("image/png", True, LOCKED),
        ("video/mp4", True, FILM),
        ("audio/mpeg", True, FILM),
        ("image/svg+xml", False, LOCKED),
        ("text/html", False, LOCKED),
        ("application/xhtml+xml", False, LOCKED),
        ("text/xml", False, LOCKED),
        ("application/pdf", False, LOCKED),
        ("no type at all", False, LOCKED),
    ],
)
async def test_a_file_runs_no_script(plain: Plain, kind: str, policy: str, *, is_shown: bool) -> None:
    """Only pictures, films and sounds are shown; all have a policy without scripts, in full, in parts and as a 304."""
    made = (await plain("POST", "/assets/upload", {"fileName": "a", "fileType": kind}))[1]
    plain.key = None
    await plain("PUT", made["upload_url"], data=b"<script>alert(1)</script>")
    whole = await plain("GET", made["cdn_url"])
    part = await plain("GET", made["cdn_url"], headers={"Range": "bytes=0-3"})
    same = await plain("GET", made["cdn_url"], headers={"If-None-Match": whole[2]["ETag"]})

    assert (whole[0], part[0], same[0]) == (200, 206, 304)
    for _, _, headers in (whole, part, same):
        assert headers["Content-Security-Policy"] == policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Disposition"].partition(";")[0] == ("inline" if is_shown else "attachment")


async def test_errors_of_files_run_no_script(plain: Plain) -> None:
    """A missing file, a wrong link and a wrong method have the policy too."""
    plain.key = None
    link = f"{plain.sandbox.origin}/cdn/videos/none.mp4"

    answers = [await plain("GET", link), await plain("GET", link + "?signed=x"), await plain("POST", link)]

    assert [status for status, _, _ in answers] == [404, 403, 405]
    assert {headers.get("Content-Security-Policy") for _, _, headers in answers} == {LOCKED}
    assert {headers.get("X-Content-Type-Options") for _, _, headers in answers} == {"nosniff"}


@pytest.mark.parametrize(
    "parts",
    [[], [("files", b"x", "text/plain")], [("files", b"x", "image/png")] * 21, [("other", b"x", "image/png")]],
)
async def test_invalid_multipart_bodies_are_rejected(plain: Plain, parts: Any) -> None:
    """No files, a wrong type, or too many files: a 400, and no asset is created."""
    form = aiohttp.FormData([("note", "x")])
    for name, content, kind in parts:
        form.add_field(name, content, filename="f", content_type=kind)
    if not parts:
        form.add_field("files2", b"", filename="x")

    status, _, _ = await plain("POST", "/assets/upload", data=form)
    broken, _, _ = await plain("POST", "/assets/upload", data=b"zz", headers={"Content-Type": "multipart/form-data"})

    assert (status, broken) == (400, 400)
    assert (await plain("GET", "/assets"))[1]["total"] == 0

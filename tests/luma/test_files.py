"""Traps about files: expiring links, and hosts that must not get the key."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async import AsyncLuma, errors
from bluma_async.sandbox import Sandbox
from tests.fakes import FakeClock, FakeTransport, answer
from tests.luma.answers import ID
from tests.luma.conformance import make_client, start
from tests.transfer.boxes import make_mp4


async def test_trap_24_links_expire(sandbox: Sandbox, tmp_path: Any) -> None:
    """Trap 24: an expired link is renewed once; after a second failure there is no partial file."""
    async with make_client("vapi", sandbox) as luma:
        made = await start(luma)
        await sandbox.advance(105)
        done = await luma.generations.get(made.id)
        await sandbox.advance(3700)
        sandbox.faults.add("GET /cdn/{place}", "status", times=None, status=403)
        with pytest.raises(errors.ForbiddenError):
            await luma.generations.save(done, tmp_path / "x.mp4")

    assert list(tmp_path.iterdir()) == []


async def test_trap_30_only_the_api_gets_the_key(tmp_path: Any) -> None:
    """Trap 30: the request to the host of the file does not contain the key."""
    done = {"id": ID, "state": "completed", "video": {"url": "https://cdn/x.mp4"}}
    transport = FakeTransport(answer(200, done), answer(200, make_mp4()))
    async with AsyncLuma("vapi", "key_0123456789", transport=transport, clock=FakeClock()) as luma:
        await luma.generations.save(ID, tmp_path / "x.mp4")

    read, fetched = transport.requests
    assert read.headers["Authorization"] == "Bearer key_0123456789"
    assert "key_0123456789" not in str(fetched)


DONE = {"id": ID, "state": "completed", "video": {"url": "https://cdn/x.mp4"}}
PAGE = answer(200, b"<html>Sign in</html>", {"Content-Length": "20", "Content-Type": "text/html"})


async def test_a_page_is_no_generation(tmp_path: Any) -> None:
    """No provider names the size of a file: what cannot be a video is refused, and can be taken nevertheless."""
    transport = FakeTransport(answer(200, DONE), PAGE)
    async with AsyncLuma("vapi", "key_0123456789", transport=transport, clock=FakeClock()) as luma:
        with pytest.raises(errors.FileContentError, match=r'text/html.*verify="none"') as caught:
            await luma.generations.save(ID, tmp_path / "x.mp4")
        assert caught.value.video_id == ID
        assert list(tmp_path.iterdir()) == []

        transport.replies = [answer(200, DONE), PAGE]
        assert await luma.generations.save(ID, tmp_path / "x.mp4", verify="none") == 20


async def test_a_target_that_is_no_file_is_refused(tmp_path: Any) -> None:
    """Nothing is sent for a path that is a link, or for an invalid argument."""
    transport = FakeTransport(answer(200, DONE), PAGE)
    (tmp_path / "x.mp4").symlink_to(tmp_path / "y.mp4")
    async with AsyncLuma("vapi", "key_0123456789", transport=transport, clock=FakeClock()) as luma:
        with pytest.raises(errors.InvalidArgumentError, match="is a symbolic link"):
            await luma.generations.save(ID, tmp_path / "x.mp4", overwrite=True)
        with pytest.raises(errors.InvalidArgumentError, match="verify must be one of"):
            await luma.generations.save(ID, tmp_path / "z.mp4", verify="all")  # type: ignore[arg-type]  # invalid

    assert transport.requests == []

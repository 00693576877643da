"""Traps about files: expiring links, and hosts that must not get the key."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async import AsyncLuma, errors
from bluma_async.sandbox import Sandbox
from tests.fakes import FakeClock, FakeTransport, answer
from tests.luma.answers import ID
from tests.luma.conformance import make_client, start


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
    transport = FakeTransport(answer(200, done), answer(200, b"0000ftyp"))
    async with AsyncLuma("vapi", "key_0123456789", transport=transport, clock=FakeClock()) as luma:
        await luma.generations.save(ID, tmp_path / "x.mp4")

    read, fetched = transport.requests
    assert read.headers["Authorization"] == "Bearer key_0123456789"
    assert "key_0123456789" not in str(fetched)

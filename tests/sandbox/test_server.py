"""Starting and stopping a sandbox, and the speed of its time."""

from __future__ import annotations

import aiohttp
import pytest

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import Plain


async def test_starting_and_stopping_are_idempotent() -> None:
    """A second start or stop does nothing; before the first start, the state is not available."""
    sandbox = Sandbox(render=False)
    with pytest.raises(RuntimeError, match="not started"):
        sandbox.state()

    await sandbox.start()
    await sandbox.start()
    with pytest.raises(ValueError, match="manual"):
        sandbox.advance(1)
    await sandbox.stop()
    await sandbox.stop()


async def test_time_can_pass_faster() -> None:
    """At a speed of 5000 the documented 105 s pass in 21 ms."""
    async with Sandbox(speed=5000, render=False) as sandbox, aiohttp.ClientSession() as session:
        plain = Plain(session, sandbox)
        made = await plain.make()
        for _ in range(2000):
            _, video, _ = await plain("GET", f"/videos/{made['id']}")
            if video["status"] == "completed":
                break

    assert video["status"] == "completed"

"""The connection that hears what other processes have learned, when it is lost."""

from __future__ import annotations

import asyncio
from typing import Any, AsyncGenerator, List

import pytest

from bluma_async.errors import BlumaError
from bluma_async.sharing import listener
from bluma_async.sharing.listener import Listener


class FakeNews:
    """News that cannot be heard so many times, then for a moment, again for each number."""

    def __init__(self, *failures: int) -> None:
        self.failures = list(failures)
        self.is_over = asyncio.Event()

    async def listen(self) -> AsyncGenerator[str, None]:
        if not self.failures:
            self.is_over.set()
            await asyncio.Event().wait()
        if not self.failures[0]:
            self.failures.pop(0)
            yield ""
        else:
            self.failures[0] -= 1
        raise BlumaError("The messages cannot be received.")

    async def ring(self, message: str) -> None:
        """Send a message that nobody hears."""


async def test_a_lost_connection_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the number of attempts to open it again; the next loss is logged again. Watchers read each time."""
    monkeypatch.setattr(listener, "RECONNECT", (0.0, 0.0))
    news: Any = FakeNews(3, 2)
    changes: List[None] = []

    hearing = Listener(news)
    async with hearing.watching("video v", lambda: changes.append(None)):
        await news.is_over.wait()
    await hearing.close()

    assert [record.getMessage() for record in caplog.records] == [
        "The messages cannot be received. They are read from the store meanwhile."
    ] * 3
    assert len(changes) >= 7

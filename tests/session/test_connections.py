"""The connections that copies of a client share: opened once, and not again after they were closed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._session.connections import Connections
from bluma_async._wire.messages import Answer
from tests.fakes import FakeTransport
from tests.servers import OK


def test_the_transport_is_opened_once() -> None:
    """Eight threads that all find no transport, and each make one, get the same one in the end."""
    opening = threading.Barrier(8)

    def open_transport() -> Any:
        opening.wait()
        return FakeTransport()

    connections = Connections(open_transport)
    with ThreadPoolExecutor(8) as pool:
        found = [future.result() for future in [pool.submit(connections.get) for _ in range(8)]]

    assert len(set(map(id, found))) == 1


async def test_a_transport_without_close_is_taken() -> None:
    """A fake that has nothing to close is used as it is, and closing the client ends the calls."""

    class Fake:
        async def send(self, *_: Any) -> Answer:
            return Answer(200, {}, OK)

    client = AsyncBluma("bluma_test_key", transport=Fake())  # type: ignore[arg-type]  # the missing methods are the test

    video = await client.videos.get("batch_1")
    await client.aclose()

    assert video.id == "batch_1"
    with pytest.raises(errors.BlumaError, match="closed"):
        await client.videos.get("batch_1")


async def test_closed_connections_are_not_opened_again() -> None:
    """Closing before the first call opens nothing, and a later call is refused."""
    opened: List[FakeTransport] = []
    connections = Connections(lambda: opened.append(FakeTransport()) or opened[-1])  # type: ignore[func-returns-value]  # append returns None

    await connections.close()

    with pytest.raises(errors.BlumaError, match="closed"):
        connections.get()
    assert opened == []

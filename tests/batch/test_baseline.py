"""The baseline of a batch, and what follows when it cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch.baseline import Baseline


class Unreachable:
    """A transport whose host cannot be reached."""

    async def send(self, request: Any, timeout: float, patience: Any = None) -> Any:
        raise errors.NetworkError("the host cannot be reached", request_sent=False)

    async def close(self) -> None:
        """Have nothing to close."""


@pytest.mark.parametrize("needs_time", [True, False])
async def test_no_create_of_a_shared_batch_begins_without_a_time(needs_time: bool) -> None:
    """Other machines would search for it by a clock that may be minutes wrong; a batch of one process may begin."""
    transport: Any = Unreachable()
    async with AsyncBluma("bluma_test_x", "http://nowhere/api/v1", transport=transport, max_retries=0) as client:
        baseline = Baseline(client._session, needs_time=needs_time)

        if needs_time:
            with pytest.raises(errors.NetworkError):
                await baseline.require("t")
        else:
            await baseline.require("t")


async def test_the_server_s_time_is_enough() -> None:
    """The list may be unreadable then, as for a batch of one process."""
    transport: Any = Unreachable()
    async with AsyncBluma("bluma_test_x", "http://nowhere/api/v1", transport=transport, max_retries=0) as client:
        client._session.shared.server_clock.update({"date": "Mon, 03 Nov 2025 10:30:00 GMT"}, 0.0)

        await Baseline(client._session, needs_time=True).require("t")

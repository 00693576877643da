"""A sandbox in another thread, and a blocking client for it."""

from __future__ import annotations

from typing import Iterator

import pytest

from bluma import Bluma
from tests.live import Live, SandboxTime


@pytest.fixture
def live() -> Iterator[Live]:
    """Give a sandbox with a manual clock."""
    made = Live()
    with made:
        yield made


@pytest.fixture
def bluma(live: Live) -> Iterator[Bluma]:
    """Give a client whose sleeps advance the sandbox's clock."""
    clock = SandboxTime(live)
    with Bluma(
        live.sandbox.live_key,
        base_url=live.sandbox.base_url,
        clock=clock,
        trace_configs=clock.traffic.trace_configs,
        retry_delay=0.0,
    ) as client:
        yield client

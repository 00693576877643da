"""A sandbox in a thread of its own, and a blocking client of it."""

from __future__ import annotations

from typing import Iterator

import pytest

from bluma import Bluma
from tests.live import Live, SandboxTime


@pytest.fixture
def live() -> Iterator[Live]:
    """Give a sandbox whose clock is moved by hand."""
    made = Live()
    with made:
        yield made


@pytest.fixture
def bluma(live: Live) -> Iterator[Bluma]:
    """Give a client whose sleep moves the sandbox's clock."""
    with Bluma(
        live.sandbox.live_key, base_url=live.sandbox.base_url, clock=SandboxTime(live), retry_delay=0.0
    ) as client:
        yield client

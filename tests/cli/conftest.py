"""A sandbox for the tests of commands."""

from __future__ import annotations

from typing import Iterator

import pytest

from bluma_async.sandbox import Sandbox
from tests.live import Live


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Give a sandbox that finishes videos at once, with its URL and key in the environment."""
    with Live(at_once=True) as sandbox:
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        yield sandbox

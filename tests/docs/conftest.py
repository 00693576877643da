"""The sandbox of the documentation's samples."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from bluma_async.sandbox import Sandbox
from tests.docs.sample_code import furnish
from tests.live import Live


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """Give a sandbox with the objects of the documentation, and the environment and files that its readers have."""
    live = Live(at_once=True)
    with live as running:
        live.run(furnish(running))
        for name in ("BLUMA_API_KEY", "BLUMA_LIVE_KEY"):
            monkeypatch.setenv(name, running.live_key)
        monkeypatch.setenv("BLUMA_TEST_KEY", running.test_key)
        monkeypatch.setenv("BLUMA_BASE_URL", running.base_url)
        monkeypatch.chdir(tmp_path)
        for picture in ("product", "product1", "product2", "product3"):
            (tmp_path / f"{picture}.jpg").write_bytes(b"\xff\xd8\xff\xd9")
        yield running

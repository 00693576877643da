"""Fixtures of the tests of batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from bluma_async import AsyncBluma
from bluma_async.batch.batch import Batch
from bluma_async.sandbox import Sandbox


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the locks of exclusive batches out of the home folder."""
    monkeypatch.setenv("BLUMA_STATE_DIR", str(tmp_path_factory.mktemp("state")))


@pytest.fixture
def batch(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> Batch:
    """Give a batch that uses this sandbox."""
    return client.batch(out=tmp_path, poll_interval=0.01)


@pytest.fixture
def exclusive(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> Batch:
    """Give a batch that states that nobody else uses the key."""
    return client.batch(out=tmp_path, poll_interval=0.01, exclusive=True)

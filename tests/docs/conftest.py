"""The sandboxes of the documents' programs, and of the samples in the documentation of the API."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Iterator

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


@pytest.fixture(scope="module")
def environment() -> Iterator[Any]:
    """Give the environment variables that lead to a sandbox in another thread."""
    live = Live(at_once=True)  # every first poll finds the video finished: the next poll could be 30 s later
    with live as sandbox:
        live.run(keep_local(sandbox))
        luma = {f"{name.upper()}_BASE_URL": sandbox.luma_url(name) for name in ("kie", "umami", "vapi")}
        keys = {f"{name}_API_KEY": sandbox.live_key for name in ("BLUMA", "KIE", "UMAMI", "VAPI")}
        yield {**os.environ, **luma, **keys, "BLUMA_BASE_URL": sandbox.base_url}


async def keep_local(sandbox: Sandbox) -> None:
    """Send no callbacks: the examples name hosts that belong to others."""
    sandbox._running.jobs.ended = lambda _: None

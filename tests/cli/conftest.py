"""A sandbox for the tests of commands."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from bluma_async.sandbox import Sandbox
from tests.live import Live


@pytest.fixture(autouse=True)
def config_folder(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an empty folder for profiles: those of the person who runs the tests are left alone."""
    folder = tmp_path_factory.mktemp("bluma") / "config"
    monkeypatch.setenv("BLUMA_CONFIG_DIR", str(folder))
    monkeypatch.delenv("BLUMA_PROFILE", raising=False)
    return folder


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Give a sandbox that finishes videos at once, with its URL and key in the environment."""
    with Live(at_once=True) as sandbox:
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        yield sandbox

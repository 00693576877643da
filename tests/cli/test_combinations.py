"""Options that would do nothing are refused: their user expects something else than what would happen."""

from __future__ import annotations

from typing import List

import pytest

from bluma_async.sandbox import Sandbox
from tests.cli.test_cli import run


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["list", "--all", "--limit", "1"], "--limit"),
        (["list", "--all", "--page", "1"], "--page"),
        (["history", "--all", "--limit", "20"], "--limit"),
        (["history", "--all", "--offset", "1"], "--offset"),
        (["listen", "--poll", "--port", "99"], "--port"),
        (["listen", "--poll", "--host", "127.0.0.1"], "--host"),
        (["listen", "--interval", "2"], "--interval"),
        (["listen", "--event", "video.completed"], "--event"),
        (["listen", "--poll", "--event", "video.completed"], "--event"),
        (["batch", "status", "--out", "o", "--interval", "2"], "--interval"),
        (["list", "--from", "2026-12-01", "--to", "2026-01-01"], "--from"),
        (["usage", "--from", "2026-12-01", "--to", "2026-01-01"], "--from"),
        (["usage", "--from", "2026-01-01", "--period", "7d"], "--period"),
    ],
)
def test_an_option_that_does_nothing(
    live: Sandbox, command: List[str], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, with the name of the option; nothing is sent. The value may be the default."""
    assert run(command) == 2
    assert option in capsys.readouterr().err
    assert live.requests == []


@pytest.mark.parametrize(
    "command",
    [
        ["list", "--all"],
        ["list", "--limit", "1", "--page", "2"],
        ["history", "--all"],
        ["list", "--from", "2026-01-01", "--to", "2026-01-01"],
        ["usage", "--from", "2026-01-01", "--to", "2026-01-31"],
    ],
)
def test_options_that_do_something(live: Sandbox, command: List[str]) -> None:
    """Defaults contradict nothing, and a date alone is a span of a day."""
    assert run(command) == 0

"""The progress bar of waits and saves."""

from __future__ import annotations

import io
import sys

import pytest

from bluma import ProgressBar
from bluma.errors import InvalidArgumentError


def test_a_wait_is_shown_in_percent() -> None:
    """One argument is a percentage; the bar ends at 100."""
    out = io.StringIO()
    bar = ProgressBar("sky", file=out)

    for percent in (5, 40, 100):
        bar(percent)

    assert "sky: 100%" in out.getvalue()
    assert out.getvalue().endswith("\n")


def test_a_save_is_shown_in_bytes() -> None:
    """Two arguments are the bytes of a file; without a total, the bytes alone are shown."""
    known, unknown = io.StringIO(), io.StringIO()
    bar, endless = ProgressBar(file=known), ProgressBar(file=unknown)

    bar(1_000_000, 2_000_000)
    bar(2_000_000, 2_000_000)
    endless(3_000_000, None)
    endless.close()

    assert "2.00M/2.00M" in known.getvalue()
    assert "3.00MB" in unknown.getvalue()


def test_a_bar_without_tqdm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error comes when the bar is made, before the call that it would show."""
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)

    with pytest.raises(InvalidArgumentError, match=r"bluma\[notebook\]"):
        ProgressBar()

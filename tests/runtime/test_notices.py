"""Warnings about input: once for each text, in a category of their own, without a line of source code."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest

from bluma_async._runtime import notices
from bluma_async._runtime.notices import BlumaWarning, collect_warnings, warn

PROGRAM = """
from bluma_async._runtime.notices import warn
for text in ("first", "second", "first"):
    warn(text)
"""


def test_a_text_is_shown_once_and_alone() -> None:
    """On a terminal there is one line for each text, and none of source code."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert done.stderr == "<bluma>:1: BlumaWarning: first\n<bluma>:1: BlumaWarning: second\n"


def test_the_category_can_be_filtered() -> None:
    """A program can make an error of each warning, or ignore them, by their category."""
    with pytest.raises(BlumaWarning, match="mistake"):
        warn("mistake")  # the tests turn warnings into errors
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BlumaWarning)
        warn("mistake")


def test_the_warnings_of_a_block_can_be_collected() -> None:
    """Each text once, also one that was shown before, and none of another block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BlumaWarning)
        warn("before")
        with collect_warnings() as texts:
            warn("before")
            warn("mistake")
            warn("mistake")
            with collect_warnings() as inner:
                warn("inner")
        warn("after")

    assert (texts, inner) == (["before", "mistake"], ["inner"])


def test_the_memory_of_texts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names can come from a user's own users, so old texts are forgotten."""
    monkeypatch.setattr(notices, "_shown", shown := dict.fromkeys(range(2 * notices.MOST)))
    with warnings.catch_warnings():
        warnings.simplefilter("default", BlumaWarning)
        warnings.showwarning = lambda *_, **__: None
        warn("mistake")

    assert len(shown) <= 2

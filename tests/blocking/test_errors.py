"""Errors that a blocking call raises, and their tracebacks."""

from __future__ import annotations

import asyncio
import traceback
from typing import List

import pytest

from bluma import Bluma
from bluma.errors import BlumaError, NotFoundError
from bluma_sync._portal import run
from tests.blocking.arguments import PROMPT, TEMPLATE


def test_errors_keep_their_attributes(bluma: Bluma) -> None:
    """An error that crosses threads keeps its status and its number of attempts."""
    with pytest.raises(NotFoundError) as raised:
        bluma.videos.get("batch_unknown")

    assert (raised.value.status, raised.value.attempts) == (404, 1)


def test_a_cancelled_coroutine_raises_a_bluma_error() -> None:
    """A CancelledError in the loop reaches the caller as a BlumaError."""

    async def cancel() -> None:
        raise asyncio.CancelledError

    with pytest.raises(BlumaError, match="cancelled in the event loop"):
        run(cancel())


def test_tracebacks_are_short(bluma: Bluma) -> None:
    """A traceback begins in the user's code, ends at the cause, and has at most two frames of the portal."""
    video = bluma.videos.create(PROMPT, TEMPLATE)

    def fail(_: int) -> None:
        raise ZeroDivisionError

    def refused(_: int) -> None:
        bluma.videos.get("batch_unknown")

    for callback, expected in ((fail, "fail"), (refused, "read_answer")):
        with pytest.raises((ZeroDivisionError, NotFoundError)) as raised:
            bluma.videos.wait_for(video.id, on_progress=callback)
        frames = traceback.extract_tb(raised.tb)
        assert (frames[0].name, frames[-1].name) == ("test_tracebacks_are_short", expected)
        calls = 1 if callback is fail else 2
        assert sum("bluma_sync/_" in frame.filename for frame in frames) <= 2 * calls


def test_a_refused_call_has_a_short_traceback_too(bluma: Bluma) -> None:
    """The traceback of an error that the portal itself raises has one or two frames of the portal."""

    async def call() -> List[traceback.FrameSummary]:
        try:
            bluma.templates.list()
        except BlumaError as refusal:
            return list(traceback.extract_tb(refusal.__traceback__))
        return []

    frames = run(call())

    assert 1 <= sum("bluma_sync/_" in frame.filename for frame in frames) <= 2

"""A standard input that a signal ends, so that a server on it can end in order."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
import threading
from typing import Any, Iterator, List, Tuple

import pytest

from bluma_async.cli.ending_input import EndingInput, input_ends_at


@pytest.fixture
def pipe() -> Iterator[Tuple[int, int]]:
    """Give the two ends of a pipe."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_a_read_that_waits_is_ended(pipe: Tuple[int, int]) -> None:
    """Lines arrive as they are sent; then a thread that waits for the next one sees the end of the input."""
    source = EndingInput(pipe[0], pipe[1])
    lines: List[str] = []
    reader = io.TextIOWrapper(io.BufferedReader(source), encoding="utf-8")
    thread = threading.Thread(target=lambda: lines.extend(reader), daemon=True)
    os.write(pipe[1], "sky \u00e4\n".encode())

    thread.start()
    source.end()
    thread.join(10)

    assert (thread.is_alive(), lines in ([], ["sky \u00e4\n"])) == (False, True)
    assert reader.readline() == ""


def test_a_read_ends_when_nobody_reads_the_answers(pipe: Tuple[int, int]) -> None:
    """A thread that waits for the next line sees the end of the input, although its sender is there."""
    answers = os.pipe()
    reader = io.TextIOWrapper(io.BufferedReader(EndingInput(pipe[0], answers[1])), encoding="utf-8")
    lines: List[str] = []
    thread = threading.Thread(target=lambda: lines.extend(reader), daemon=True)

    thread.start()
    os.close(answers[0])
    thread.join(10)

    assert (thread.is_alive(), lines) == (False, [])
    os.close(answers[1])


async def read_line() -> str:
    """Read a line in a thread that no end of the test waits for."""
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    lines: List[str] = []

    def read() -> None:
        lines.append(sys.stdin.readline())
        loop.call_soon_threadsafe(came.set)

    threading.Thread(target=read, daemon=True).start()
    await asyncio.wait_for(came.wait(), 10)
    return lines[0]


async def test_a_signal_ends_the_input(pipe: Tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Only while the block runs, and only if the signal is not ignored, as in the background of a shell."""
    before = os.fdopen(os.dup(pipe[0]), "r", encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", before)
    ignored = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with input_ends_at(signal.SIGTERM, signal.SIGHUP):
            is_ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGTERM)
            line = await read_line()
    finally:
        signal.signal(signal.SIGHUP, ignored)
        before.close()

    assert (is_ignored, line, sys.stdin is before) == (True, "", True)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def find_next_descriptor() -> int:
    """Return the lowest number that no open descriptor has."""
    found = os.dup(0)
    os.close(found)
    return found


@pytest.mark.parametrize("numbers", [(), (signal.SIGTERM, signal.SIGKILL)])
async def test_a_refused_input_leaves_nothing_open(
    pipe: Tuple[int, int], monkeypatch: pytest.MonkeyPatch, numbers: Tuple[int, ...]
) -> None:
    """Neither without a descriptor behind it, nor if one of the signals cannot be handled."""
    plain: Any = os.fdopen(os.dup(pipe[0]), "r", encoding="utf-8") if numbers else io.StringIO("x")
    monkeypatch.setattr(sys, "stdin", plain)
    before = find_next_descriptor()

    with input_ends_at(*numbers) as source:
        handler = signal.getsignal(signal.SIGTERM)

    assert (source, handler, sys.stdin is plain) == (None, signal.SIG_DFL, True)
    assert find_next_descriptor() == before
    plain.close()


async def test_an_input_without_a_descriptor_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that has replaced the standard input keeps its own."""
    own: Any = io.StringIO("x")
    monkeypatch.setattr(sys, "stdin", own)

    with input_ends_at(signal.SIGTERM):
        assert sys.stdin is own

"""`-o -`: the bytes of a video on the standard output."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any, List

import pytest

from bluma_async._runtime.threads import in_thread
from bluma_async.cli.copying import copy_file

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
DATA = bytes(range(256)) * 4096


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file that is larger than the buffer of a pipe."""
    made = tmp_path / "x.mp4"
    made.write_bytes(DATA)
    return made


async def test_every_byte_is_written_although_the_system_takes_parts(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write may take less than it was given, and may refuse for a moment."""
    reader, writer = os.pipe()
    write, received = os.write, bytearray()
    calls: List[int] = []

    def write_some(descriptor: int, data: Any) -> int:
        calls.append(len(data))
        if len(calls) == 2:
            raise BlockingIOError
        return write(descriptor, data[:100_000])

    def read() -> None:
        while piece := os.read(reader, 1 << 16):
            received.extend(piece)

    monkeypatch.setattr(os, "write", write_some)
    thread = threading.Thread(target=read)
    thread.start()
    await copy_file(file, writer)
    os.close(writer)
    thread.join()
    os.close(reader)

    assert received == DATA
    assert len(calls) == 12


async def test_a_reader_that_has_stopped_reading_can_be_left(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the copy, although the write that is under way never ends."""
    write, has_ended = os.write, threading.Event()

    def report_end(descriptor: int, data: Any) -> int:
        try:
            return write(descriptor, data)
        except BrokenPipeError:
            has_ended.set()
            raise

    monkeypatch.setattr(os, "write", report_end)
    reader, writer = os.pipe()
    copying = asyncio.ensure_future(copy_file(file, writer))
    first = await asyncio.get_running_loop().run_in_executor(None, os.read, reader, 1)

    copying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await copying

    assert first == DATA[:1]
    os.close(reader)  # ends the write
    assert await in_thread(has_ended.wait, 5)
    os.close(writer)  # not before: the number may be that of another pipe at once

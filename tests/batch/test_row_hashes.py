"""Rows that repeat others are found in flat memory."""

from __future__ import annotations

import errno
import tracemalloc
from typing import Any

import pytest

from bluma_async import errors
from bluma_async.batch import row_hashes
from bluma_async.batch.row_hashes import BUCKETS, Repetition, RowHashes


def mix(number: int) -> int:
    """Return a number of 64 bits that is as good as a hash."""
    return ((number * 0x9E3779B97F4A7C15) & (2**64 - 1)) - 2**63


@pytest.mark.parametrize("most", [3, 3 * 1024])
def test_repetitions_are_found(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """In memory and in files alike; each names the first row of its hash."""
    monkeypatch.setattr(row_hashes, "MOST_IN_MEMORY", most)
    hashes = RowHashes()
    for number in range(500):
        hashes.add(mix(number % 400), number, number % 7)

    found = sorted(hashes.list_repetitions())
    hashes.close()

    assert found == [Repetition(number, number % 7, number - 400) for number in range(400, 500)]


def test_memory_does_not_grow_with_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket is written when it is full."""
    monkeypatch.setattr(row_hashes, "MOST_IN_MEMORY", 3 * 32)
    hashes, peaks = RowHashes(), []
    tracemalloc.start()
    try:
        for begin in range(0, 30_000, 10_000):
            for number in range(begin, begin + 10_000):
                hashes.add(mix(number), number, 0)
            peaks.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
        hashes.close()

    assert peaks[-1] - peaks[0] < BUCKETS * row_hashes.MOST_IN_MEMORY * 8


def test_a_full_disk_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk raises a BlumaError, which says that nothing was created."""

    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(row_hashes, "MOST_IN_MEMORY", 3)
    monkeypatch.setattr(row_hashes.tempfile, "TemporaryFile", fail)

    with pytest.raises(errors.BlumaError, match=r"No space left on device\. Nothing was created"):
        RowHashes().add(1, 1, 1)

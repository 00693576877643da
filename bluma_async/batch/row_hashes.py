"""
Find rows that repeat earlier ones, in flat memory however many there are.

Rule 1: hashes are spread over buckets by their value, each bucket in a temporary file, so that equal ones meet and only
one bucket at a time is in memory.
Rule 2: rows are compared by a hash of 64 bits. Two of a million different rows are taken for one with a probability of
1 in 30 million; a plan creates nothing, so the harm would be a wrong count.
"""

from __future__ import annotations

import tempfile
from array import array
from typing import IO, Dict, Iterator, List, NamedTuple

from bluma_async.errors import BlumaError

__all__ = ["Repetition", "RowHashes"]

BUCKETS = 64  # a power of two
MOST_IN_MEMORY = 3 * 1024  # numbers of one bucket; three are one row


class Repetition(NamedTuple):
    """A row whose hash was seen before: its number, its slot, and the number of the first row of this hash."""

    number: int
    slot: int
    first: int


class RowHashes:
    """The hashes of rows. It blocks: use it in a thread."""

    def __init__(self) -> None:
        self._buckets: List[array[int]] = [array("q") for _ in range(BUCKETS)]
        self._files: Dict[int, IO[bytes]] = {}

    def add(self, value: int, number: int, slot: int) -> None:
        """
        Record a row.

        Args:
            value: Its hash, of 64 bits.
            number: Its number.
            slot: A number that `list_repetitions` returns with it.

        Raises:
            BlumaError: The disk is full.
        """
        bucket = self._buckets[value & BUCKETS - 1]
        bucket.extend((value, number, slot))
        if len(bucket) >= MOST_IN_MEMORY:
            self._write(value & BUCKETS - 1)

    def list_repetitions(self) -> Iterator[Repetition]:
        """
        Yield the rows that repeat an earlier one, in no order of the rows.

        Raises:
            BlumaError: The disk cannot be read.
        """
        for index in range(BUCKETS):
            firsts: Dict[int, int] = {}
            entries = iter(self._read(index))
            for value, number, slot in zip(entries, entries, entries):
                first = firsts.setdefault(value, number)
                if first != number:
                    yield Repetition(number, slot, first)

    def close(self) -> None:
        """Delete the files."""
        for file in self._files.values():
            file.close()

    def _write(self, index: int) -> None:
        try:
            if index not in self._files:
                self._files[index] = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
            self._buckets[index].tofile(self._files[index])
        except OSError as problem:
            raise BlumaError(f"The rows could not be compared: {problem}. Nothing was created.") from problem
        del self._buckets[index][:]

    def _read(self, index: int) -> array[int]:
        """Return a bucket as a whole: first what was written, in the order in which it was added."""
        if index not in self._files:
            return self._buckets[index]
        self._write(index)
        file, entries = self._files[index], array("q")
        file.seek(0)
        entries.frombytes(file.read())
        return entries

"""
Count the rows of a plan by their kind and by what a run would do with them.

Rule: a row is counted at once, and moved when it turns out to repeat an earlier one, so that no row is kept.
"""

from __future__ import annotations

from enum import Enum
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from bluma_async.batch.row_hashes import RowHashes

__all__ = ["Fate", "Kind", "Tally"]

MOST_PROBLEMS = 20
KEPT = 50 * MOST_PROBLEMS  # problems that are kept until they are sorted: repetitions come in no order


class Kind(NamedTuple):
    """The facts that decide the price of a video. `options` are the others, which only make it another video."""

    template_id: Optional[str]
    variant_id: Optional[str]
    resolution: Optional[str]
    options: str = ""


class Fate(Enum):
    """The action of a run for a job; the values are fields of a BatchPlan."""

    NEW = "new"
    DONE = "done"
    UNFINISHED = "unfinished"
    LEFT = "left"
    DUPLICATE = "duplicate"
    REUSED = "reused"
    INVALID = "invalid"


class Tally:
    """
    The counts of a plan. A slot is the number of one kind with one fate, for rows with or without a key.

    Attributes:
        label: What stands before the number of a row in messages.
        counts: How many rows each slot has. The hashes of a counted row belong into `contents` and `keys`.
        keys: The keys of the rows' jobs, also of rows without a key of their own: a run compares these.
        contents: The contents of rows, kinds included.
    """

    def __init__(self, label: str, *, reuses: bool = False) -> None:
        """
        Set up a tally.

        Args:
            label: What stands before the number of a row in messages.
            reuses: Whether a video is bought once for each content.
        """
        self.label = label
        self._reuses = reuses
        self._reused: Dict[Kind, int] = {}  # new jobs with the content of an earlier row
        self._slots: Dict[Tuple[Kind, Fate, bool], int] = {}
        self._meanings: List[Tuple[Kind, Fate, bool]] = []
        self.counts: List[int] = []
        self._invalid = 0
        self._billed_twice: Dict[Kind, int] = {}
        self._repeated = 0
        self._problems: List[Tuple[int, str]] = []
        self.keys: RowHashes = RowHashes()
        self.contents: RowHashes = RowHashes()
        self._refused = bytearray()  # one bit for each row: whether its key repeats an earlier one

    def find_slot(self, kind: Kind, fate: Fate, *, has_key: bool) -> int:
        """Return the slot of rows like these."""
        meaning = (kind, fate, has_key)
        slot = self._slots.get(meaning)
        if slot is None:
            slot = self._slots[meaning] = len(self._meanings)
            self._meanings.append(meaning)
            self.counts.append(0)
        return slot

    def refuse(self, number: int, problem: str) -> None:
        """Count a row that a run refuses."""
        self._invalid += 1
        self._note(number, problem)

    def finish(self) -> None:
        """Find the rows that repeat others, and count them as such. Blocks."""
        for number, slot, first in self.keys.list_repetitions():
            self.counts[slot] -= 1
            self._mark(number)
            if self._meanings[slot][2]:
                self.refuse(number, self._say(number, f"the key is also that of {self.label} {first}"))
            else:
                self._repeated += 1
                self._note(number, self._say(number, f"it is the same as {self.label} {first}"))
        for number, slot, _ in self.contents.list_repetitions():
            kind, fate, _ = self._meanings[slot]
            if self._is_marked(number) or fate is not Fate.NEW:
                continue
            self.counts[slot] -= 1
            if self._reuses and kind.variant_id is None:
                self._reused[kind] = self._reused.get(kind, 0) + 1
                continue
            self._repeated += 1
            self._billed_twice[kind] = self._billed_twice.get(kind, 0) + 1

    def close(self) -> None:
        """Delete the files with the hashes."""
        self.keys.close()
        self.contents.close()

    def list_counts(self) -> Dict[str, int]:
        """Return how many rows have each fate, by the names of a BatchPlan."""
        counts = {fate.value: 0 for fate in Fate}
        for (_, fate, _), count in zip(self._meanings, self.counts):
            counts[fate.value] += count
        counts[Fate.DUPLICATE.value] += self._repeated
        counts[Fate.REUSED.value] += sum(self._reused.values())
        counts[Fate.INVALID.value] += self._invalid
        return counts

    def list_bills(self) -> Iterator[Tuple[Kind, int]]:
        """Yield each kind of which videos would be billed, and how many; a kind may come several times."""
        yield from self._billed_twice.items()
        yield from self._list(Fate.NEW)

    def list_files(self) -> Iterator[Tuple[Kind, int]]:
        """Yield each kind of which files would be saved, and how many; a kind may come several times."""
        yield from self.list_bills()
        yield from self._reused.items()
        yield from self._list(Fate.REUSED, Fate.UNFINISHED)

    def list_problems(self) -> List[str]:
        """Return the first problems, in the order of their rows."""
        return [problem for _, problem in sorted(self._problems)[:MOST_PROBLEMS]]

    def _list(self, *fates: Fate) -> Iterator[Tuple[Kind, int]]:
        """Yield each kind of the rows with these fates, and how many there are."""
        for (kind, fate, _), count in zip(self._meanings, self.counts):
            if count and fate in fates:
                yield kind, count

    def _note(self, number: int, problem: str) -> None:
        self._problems.append((number, problem))
        if len(self._problems) > KEPT:
            self._problems = sorted(self._problems)[:MOST_PROBLEMS]

    def _say(self, number: int, problem: str) -> str:
        return f"{self.label} {number}, key: {problem}; give each a key of its own."

    def _mark(self, number: int) -> None:
        missing = (number >> 3) + 1 - len(self._refused)
        self._refused.extend(bytes(max(missing, 0)))
        self._refused[number >> 3] |= 1 << (number & 7)

    def _is_marked(self, number: int) -> bool:
        return number >> 3 < len(self._refused) and bool(self._refused[number >> 3] & 1 << (number & 7))

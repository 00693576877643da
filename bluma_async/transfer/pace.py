"""
Decide whether a download gets on.

Rule 1: an attempt made progress if the file has grown by 64 KiB, or by 1 % if that is less, beyond the size that it had
at the last progress. Growing again after it was begun anew is no progress. Only attempts in a row without progress are
counted against `max_retries`: a large file may need many attempts, and a server that cuts every few bytes, or names a
new version each time, gets a few.
Rule 2: an attempt is too slow if less than 1 KiB per second arrives, over at least `timeout` seconds in which the
client waited for the network. It is ended, and is no progress, however much it brought. The time in which the disk or
the caller's own function is busy does not count.
"""

from __future__ import annotations

__all__ = ["SLOWEST", "Growth", "Speed"]

SLOWEST = 2**10  # bytes a second
ENOUGH = 2**16  # bytes


class Growth:
    """The size of a file at the last progress."""

    def __init__(self, size: int) -> None:
        self._size = size

    def is_progress(self, size: int, total: int | None) -> bool:
        """Return whether the file has grown enough, and note its size if so."""
        enough = ENOUGH if total is None else max(min(ENOUGH, total // 100), 1)
        if size < self._size + enough:
            return False
        self._size = size
        return True


class Speed:
    """
    The speed at which one answer arrives.

    Attributes:
        window: The seconds over which the speed is measured.
        is_slow: Whether it was too slow over one window.
    """

    def __init__(self, window: float) -> None:
        self.window = window
        self.is_slow: bool = False
        self._waited = 0.0
        self._bytes = 0

    def is_too_slow(self, waited: float, count: int) -> bool:
        """Add a piece and the seconds in which it was waited for; return whether the answer is too slow."""
        self._waited += waited
        self._bytes += count
        if self._waited >= self.window:
            self.is_slow = self._bytes < SLOWEST * self._waited
            self._waited, self._bytes = 0.0, 0
        return self.is_slow

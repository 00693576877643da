"""The server's clock, derived from its Date headers and our monotonic clock; this machine's wall clock may be wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Mapping

from bluma_async._wire.times import read_http_date

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["ServerClock"]


class ServerClock:
    """The newest Date header of the API, and the moment of our clock at which it arrived."""

    def __init__(self) -> None:
        self._newest: tuple[str, float] | None = None  # one attribute: another thread never sees half an update

    @property
    def is_known(self) -> bool:
        """Whether an answer had a Date header."""
        return self._newest is not None

    def update(self, headers: Mapping[str, str], now: float) -> None:
        """Store the Date header of an answer that arrived at this moment of our clock."""
        date = headers.get("date")
        if date:
            self._newest = (date, now)  # parsed when needed: parsing costs more than all else here

    def at(self, moment: float) -> datetime | None:
        """Return the server's time at a moment of our clock; None before the first valid Date header."""
        if self._newest is None:
            return None
        text, arrived = self._newest
        date = read_http_date(text)
        return date + timedelta(seconds=moment - arrived) if date else None

    def age(self, now: float) -> float:
        """Return the seconds since the newest Date header arrived; 0 before the first."""
        return now - self._newest[1] if self._newest else 0.0

"""The contact of a wait with the server: its first answer, and the error of the last poll."""

from __future__ import annotations

import attrs

__all__ = ["SILENCE", "Contact"]

SILENCE = 10.0  # seconds without any answer after which a wait reports it


@attrs.define
class Contact:
    """
    The contact of one wait with the server.

    Attributes:
        began: The moment at which the wait began, by the clock of the client.
        is_reached: Whether any answer has come since, also one that refuses or fails.
        is_reported: Whether the missing answer has been reported.
        failure: The error of the newest poll; None if it succeeded, or has not ended.
    """

    began: float
    is_reached: bool = False
    is_reported: bool = False
    failure: Exception | None = None

    @property
    def reports_at(self) -> float | None:
        """The moment at which the missing answer is to be reported; None if it is not."""
        return None if self.is_reached or self.is_reported else self.began + SILENCE

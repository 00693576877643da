"""Define the port of a budget that several processes share, and its values."""

from __future__ import annotations

from typing import Protocol

import attrs

__all__ = ["Budget", "Lease", "Report"]


@attrs.frozen
class Report:
    """
    The rate-limit headers of an answer.

    Attributes:
        limit: Requests allowed in a window.
        remaining: Requests that were left after this one.
        reset_after: Seconds from now to the reset.
        age: Seconds since the answer.
    """

    limit: int
    remaining: int
    reset_after: float
    age: float


@attrs.frozen
class Lease:
    """A block of requests, which may be 0, and then the seconds to wait before the next attempt to lease."""

    tokens: int
    wait: float


class Budget(Protocol):
    """How fast one key may send, in all processes together."""

    async def lease(self, unused: int, report: Report | None, reserve: float) -> Lease:
        """
        Lease a block of requests.

        Args:
            unused: Requests that this process has leased, and that the server has not counted yet.
            report: The newest headers that this process has seen since its last lease; None if it has seen none.
            reserve: The share of the limit that must be left for more important requests.
        """
        ...

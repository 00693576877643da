"""
Credits: what the account holds, and every movement.

Only live keys move credits. `credits.low` and `credits.exhausted` are told once each time the balance falls that low.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping

from bluma_async.sandbox.problems import Problem

if TYPE_CHECKING:
    from bluma_async.sandbox.clock import Clock
    from bluma_async.sandbox.tables import Row, Table

__all__ = ["Ledger"]

LOW = 10
Publish = Callable[[str, Dict[str, Any]], None]


class Ledger:
    """The account's credits."""

    def __init__(self, table: Table, clock: Clock, publish: Publish, opening: int) -> None:
        self._table = table
        self._clock = clock
        self._publish = publish
        if not len(table) and opening:
            self._move("purchase", opening, "Credit purchase", {})

    @property
    def balance(self) -> int:
        """What the account holds."""
        last = self._table.last()
        return int(last["balance_after"]) if last else 0

    @property
    def transactions(self) -> List[Row]:
        """All movements, newest first."""
        return list(self._table)[::-1]

    def charge(self, amount: int, video_id: str, metadata: Mapping[str, Any]) -> None:
        """
        Take the price of a video.

        Raises:
            Problem: A 402; nothing was taken.
        """
        before = self.balance
        if before < amount:
            raise _too_poor(amount, before, metadata)
        self._move("deduction", -amount, f"Video generation: {video_id}", {"video_id": video_id, **metadata})
        after = before - amount
        if after < LOW <= before:
            self._publish("credits.low", {"remaining": after, "threshold": LOW})
        if after == 0:
            self._publish("credits.exhausted", {"remaining": 0})

    def refund(self, amount: int, video_id: str) -> None:
        """Give the price of a failed video back."""
        self._move("refund", amount, f"Failed video refund: {video_id}", {"video_id": video_id})

    def spent(self) -> int:
        """Return what all videos cost, refunds taken off."""
        return -sum(int(row["amount"]) for row in self._table if row["type"] in {"deduction", "refund"})

    def bills(self) -> List[Row]:
        """Return the deductions, oldest first."""
        return [row for row in self._table if row["type"] == "deduction"]

    def _move(self, kind: str, amount: int, description: str, metadata: Mapping[str, Any]) -> None:
        self._table.put(
            {
                "id": f"txn_{secrets.token_hex(8)}",
                "type": kind,
                "amount": amount,
                "balance_after": self.balance + amount,
                "description": description,
                "metadata": dict(metadata),
                "created": self._clock.time(),
            }
        )


def _too_poor(required: int, available: int, metadata: Mapping[str, Any]) -> Problem:
    multiplier = metadata.get("multiplier", 1.0)
    return Problem(
        402,
        f"You have {available} credits, but {required} are required for this video generation.",
        metadata={
            "credits_required": required,
            "credits_available": available,
            "credit_cost_breakdown": {"base": metadata.get("base", required), "resolution_multiplier": multiplier},
        },
    )

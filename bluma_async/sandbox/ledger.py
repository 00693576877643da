"""
The ledger: the account's credits, and every transaction.

Only live keys change the balance. `credits.low` and `credits.exhausted` are published once each time the balance falls
to that level.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping

from bluma_async.sandbox.api_errors import ApiError

if TYPE_CHECKING:
    from bluma_async.sandbox.clock import Clock
    from bluma_async.sandbox.tables import Row, Table

__all__ = ["Ledger"]

LOW_BALANCE = 10
Publish = Callable[[str, Dict[str, Any]], None]


class Ledger:
    """The account's credits."""

    def __init__(self, table: Table, clock: Clock, publish: Publish, opening: int) -> None:
        self._table = table
        self._clock = clock
        self._publish = publish
        if not len(table) and opening:
            self._add("purchase", opening, "Credit purchase", {})

    @property
    def balance(self) -> int:
        """The credits that the account has."""
        last = self._table.last()
        return int(last["balance_after"]) if last else 0

    @property
    def transactions(self) -> List[Row]:
        """All transactions, newest first."""
        return list(self._table)[::-1]

    @property
    def count(self) -> int:
        """The number of transactions."""
        return len(self._table)

    def newest(self, count: int) -> List[Row]:
        """Return so many of the newest transactions, newest first."""
        return self._table.newest(count)

    def charge(self, amount: int, video_id: str, metadata: Mapping[str, Any], *, is_stranger: bool = False) -> None:
        """
        Deduct the price of a video.

        Raises:
            ApiError: A 402: the balance is too low, and nothing was deducted.
        """
        self.check_balance(amount, metadata)
        before, details = self.balance, {"video_id": video_id, **metadata}
        self._add("deduction", -amount, f"Video generation: {video_id}", details, is_stranger=is_stranger)
        after = before - amount
        if after < LOW_BALANCE <= before:
            self._publish("credits.low", {"remaining": after, "threshold": LOW_BALANCE})
        if after == 0:
            self._publish("credits.exhausted", {"remaining": 0})

    def check_balance(self, amount: int, metadata: Mapping[str, Any]) -> None:
        """Raise an ApiError, a 402, if the balance is too low for a price."""
        if self.balance < amount:
            raise _insufficient_credits(amount, self.balance, metadata)

    def refund(self, amount: int, video_id: str, *, is_stranger: bool = False) -> None:
        """Refund the price of a failed video."""
        details = {"video_id": video_id}
        self._add("refund", amount, f"Failed video refund: {video_id}", details, is_stranger=is_stranger)

    def spent(self) -> int:
        """Return the sum of all deductions less the refunds."""
        return -sum(int(row["amount"]) for row in self._table if row["type"] in {"deduction", "refund"})

    def bills(self) -> List[Row]:
        """Return the deductions for creates of the sandbox's clients, oldest first; those of strangers are left out."""
        return [row for row in self._table if row["type"] == "deduction" and not row.get("stranger")]

    def count_stranger_bills(self) -> int:
        """Return the number of deductions for creates of strangers."""
        return sum(row["type"] == "deduction" and bool(row.get("stranger")) for row in self._table)

    def _add(
        self, kind: str, amount: int, description: str, metadata: Mapping[str, Any], *, is_stranger: bool = False
    ) -> None:
        self._table.put(
            {
                "id": f"txn_{secrets.token_hex(8)}",
                "type": kind,
                "amount": amount,
                "balance_after": self.balance + amount,
                "description": description,
                "metadata": dict(metadata),
                "created": self._clock.time(),
                "stranger": is_stranger,
            }
        )


def _insufficient_credits(required: int, available: int, metadata: Mapping[str, Any]) -> ApiError:
    multiplier = metadata.get("multiplier", 1.0)
    return ApiError(
        402,
        f"You have {available} credits, but {required} are required for this video generation.",
        metadata={
            "credits_required": required,
            "credits_available": available,
            "credit_cost_breakdown": {"base": metadata.get("base", required), "resolution_multiplier": multiplier},
        },
    )

"""The tables of a store in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Tuple

import attrs

if TYPE_CHECKING:
    from bluma_async.stores.jobs import HistoryLine, StoredJob

__all__ = ["Tables"]


@attrs.define
class Tables:
    """All that the store remembers. A copy is cheap, because the values never change."""

    run: int = 0
    resumed: int = 0  # the last run that took all jobs
    account: str | None = None
    jobs: Dict[int, StoredJob] = attrs.field(factory=lambda: {})  # noqa: PIE807 - by place, in order
    places: Dict[str, int] = attrs.field(factory=lambda: {})  # noqa: PIE807 - by folded key
    billed: Dict[str, int] = attrs.field(factory=lambda: {})  # noqa: PIE807 - places by video: the ledger
    charged: Dict[str, int] = attrs.field(factory=lambda: {})  # noqa: PIE807 - credits by video: the ledger
    refunded: Dict[str, int] = attrs.field(factory=lambda: {})  # noqa: PIE807 - credits by video
    history: Dict[int, Tuple[HistoryLine, ...]] = attrs.field(factory=lambda: {})  # noqa: PIE807 - by place

    def copy(self) -> Tables:
        """Return the tables as they are now."""
        tables = (self.jobs, self.places, self.billed, self.charged, self.refunded, self.history)
        return Tables(self.run, self.resumed, self.account, *map(dict, tables))  # type: ignore[arg-type]  # in the fields' order

# Generated from bluma_async/resources/credits.py by `nox -s facade`: change that, not this.
"""Credits: what the account holds, and where it went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._wire.checks import MAX_PAGE_SIZE
from bluma_sync._portal import run
from bluma_sync.resources._paging import Pages

if TYPE_CHECKING:
    from bluma_async.resources import credits as asynchronous
    from bluma_async.types import CreditBalance, CreditHistory, Transaction

__all__ = ["Credits"]


class Credits:
    """See what the account holds, and where it went."""

    def __init__(self, twin: asynchronous.Credits) -> None:
        self._async = twin

    def get_balance(self) -> CreditBalance:
        """Return what the account holds now."""
        return run(self._async.get_balance())

    def get_history(self, limit: int = 50, offset: int = 0) -> CreditHistory:
        """
        Return a stretch of the ledger, newest first.

        Args:
            limit: How many transactions, 1 to 100.
            offset: How many of the newest to leave out.
        """
        return run(self._async.get_history(limit, offset))

    def iterate(self, *, page_size: int = MAX_PAGE_SIZE) -> Pages[Transaction]:
        """
        Go through all transactions, newest first, page by page as needed.

        Args:
            page_size: Transactions to a request, 1 to 100.
        """
        return Pages(self._async.iterate(page_size=page_size))

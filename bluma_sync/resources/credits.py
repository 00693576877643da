# Generated from bluma_async/resources/credits.py by `nox -s facade`: change that, not this.
"""Credits: the balance and the ledger of the account."""

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
    """Read the balance and the ledger of the account."""

    def __init__(self, twin: asynchronous.Credits) -> None:
        self._async = twin

    def get_balance(self) -> CreditBalance:
        """Return the present balance, in credits."""
        return run(self._async.get_balance())

    def get_history(self, limit: int = 50, offset: int = 0) -> CreditHistory:
        """
        Return a part of the ledger, newest first; `iterate` returns all.

        Args:
            limit: The largest number of transactions to return, 1 to 100.
            offset: The number of the newest transactions to skip, at least 0.

        Raises:
            InvalidArgumentError: `limit` or `offset` is invalid. Nothing was sent.
        """
        return run(self._async.get_history(limit, offset))

    def iterate(self, *, page_size: int = MAX_PAGE_SIZE) -> Pages[Transaction]:
        """
        Iterate over all transactions, newest first. Pages are requested as they are needed.

        Args:
            page_size: The number of transactions in one request, 1 to 100.

        Raises:
            InvalidArgumentError: `page_size` is invalid. Nothing was sent.
        """
        return Pages(self._async.iterate(page_size=page_size))

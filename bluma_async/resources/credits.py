"""Credits: what the account holds, and where it went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

from bluma_async._wire.call import Call, get
from bluma_async._wire.checks import MAX_PAGE_SIZE, require_page
from bluma_async._wire.codec import One
from bluma_async.resources._paging import Pages
from bluma_async.types import CreditBalance, CreditHistory, Transaction

if TYPE_CHECKING:
    from bluma_async._session.session import Session

__all__ = ["Credits"]


class Credits:
    """See what the account holds, and where it went."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get_balance(self) -> CreditBalance:
        """Return what the account holds now."""
        return await self._session.send(get("/credits/balance", One(CreditBalance)))

    async def get_history(self, limit: int = 50, offset: int = 0) -> CreditHistory:
        """
        Return a stretch of the ledger, newest first.

        Args:
            limit: How many transactions, 1 to 100.
            offset: How many of the newest to leave out.
        """
        return await self._session.send(_history(limit, offset))

    def iterate(self, *, page_size: int = MAX_PAGE_SIZE) -> Pages[Transaction]:
        """
        Go through all transactions, newest first, page by page as needed.

        Args:
            page_size: Transactions to a request, 1 to 100.
        """
        require_page(page_size)

        async def fetch(index: int) -> Sequence[Transaction]:
            return (await self._session.send(_history(page_size, index * page_size))).transactions

        return Pages(fetch, page_size)


def _history(limit: int, offset: int) -> Call[CreditHistory]:
    require_page(limit, offset=offset)
    return get("/credits/history", One(CreditHistory), limit=limit, offset=offset)

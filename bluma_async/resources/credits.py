"""Credits: the balance and the ledger of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._wire.call import Call, get
from bluma_async._wire.checks import MAX_PAGE_SIZE, require_page
from bluma_async._wire.codec import One
from bluma_async.resources._paging import Fetched, Pages, Place
from bluma_async.types import CreditBalance, CreditHistory, Transaction

if TYPE_CHECKING:
    from bluma_async._session.session import Session

__all__ = ["Credits"]


class Credits:
    """Read the balance and the ledger of the account."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get_balance(self) -> CreditBalance:
        """Return the present balance, in credits."""
        return await self._session.send(get("/credits/balance", One(CreditBalance)))

    async def get_history(self, limit: int = 50, offset: int = 0) -> CreditHistory:
        """
        Return a part of the ledger, newest first; `iterate` returns all.

        Args:
            limit: The largest number of transactions to return, 1 to 100.
            offset: The number of the newest transactions to skip, at least 0.

        Raises:
            InvalidArgumentError: `limit` or `offset` is invalid. Nothing was sent.
        """
        return await self._session.send(_history(limit, offset))

    def iterate(self, *, page_size: int = MAX_PAGE_SIZE) -> Pages[Transaction]:
        """
        Iterate over all transactions, newest first. Pages are requested as they are needed.

        Args:
            page_size: The number of transactions in one request, 1 to 100.

        Raises:
            InvalidArgumentError: `page_size` is invalid. Nothing was sent.
        """
        require_page(page_size)

        async def fetch(place: Place) -> Fetched[Transaction]:
            page = await self._session.send(_history(page_size, place.rows))
            return Fetched(page.transactions, page.total)

        return Pages(fetch, page_size)


def _history(limit: int, offset: int) -> Call[CreditHistory]:
    require_page(limit, offset=offset)
    return get("/credits/history", One(CreditHistory), limit=limit, offset=offset)

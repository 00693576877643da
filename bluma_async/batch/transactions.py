"""Read the transactions of the account, newest first, as far as an audit needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Collection, List

from bluma_async._wire.checks import MAX_PAGE_SIZE
from bluma_async._wire.ledger import LedgerReading
from bluma_async.batch.job_creator import compute_pause
from bluma_async.errors import BlumaError, RateLimitError

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.batch.api import BatchApi
    from bluma_async.types import CreditHistory, Transaction

__all__ = ["read_transactions"]


async def read_transactions(api: BatchApi, since: datetime | None, known: Collection[str]) -> List[Transaction]:
    """
    Return the transactions from a moment on, and older ones until the payment of each known video was found.

    Args:
        api: The calls of the batch.
        since: The moment; None for all transactions.
        known: The ids of videos whose payments are looked for.

    Raises:
        BlumaError: The transactions could not be read to their end.
    """
    reading = LedgerReading(since, known)
    while not reading.is_over:
        reading.add(await _read_page(api, reading.offset))
    if not reading.is_complete:
        raise BlumaError(
            f"The transactions of the account ended after {reading.progress}, so nothing can be concluded from them. "
            "Audit again.",
            status=502,
        )
    return reading.transactions


async def _read_page(api: BatchApi, offset: int) -> CreditHistory:
    """Read a page. A 429 is waited for, because a long history is more than the requests of an hour."""
    refusals = 0
    while True:
        try:
            return await api.credits.get_history(MAX_PAGE_SIZE, offset)
        except RateLimitError as refusal:  # noqa: PERF203 - each refusal is waited for
            await api.clock.sleep(compute_pause(refusal.retry_after, refusals))
            refusals += 1

"""
Read the transactions of the account, newest first, as far as an audit needs them.

Rule 1: a short or an empty page below `total` is not the end: a server may cap its pages.
Rule 2: the order is documented by an example only. Reading stops early only if what was read is in that order.
Rule 3: a 429 is waited for, because a long history is more than the requests of an hour.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Collection, Dict, List, Sequence, Set

from bluma_async._wire.checks import MAX_PAGE_SIZE
from bluma_async.batch.job_creator import compute_pause
from bluma_async.errors import BlumaError, RateLimitError
from bluma_async.types import TransactionType

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.batch.api import BatchApi
    from bluma_async.types import CreditHistory, Transaction

__all__ = ["find_video", "is_payment", "read_transactions"]

VIDEO_ID = re.compile(r"\bbatch_[\w-]+")  # in descriptions such as "Video generation: batch_xyz789"


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
    reading = _Reading(since, known)
    while not reading.is_over:
        reading.add(await _read_page(api, reading.offset))
    return list(reading.found.values())


class _Reading:
    """What was read so far, and whether that is enough."""

    def __init__(self, since: datetime | None, known: Collection[str]) -> None:
        self._since = since
        self._unpaid: Set[str] = set(known)
        self._oldest: datetime | None = None
        self._is_descending = True
        self.found: Dict[str, Transaction] = {}  # by id: a new transaction moves older ones to the next page
        self.offset = 0
        self.is_over = False

    def add(self, page: CreditHistory) -> None:
        if not page.transactions and self.offset < page.total:
            raise BlumaError(
                f"The transactions of the account ended after {self.offset} of {page.total}, so nothing can be "
                "concluded from them. Audit again.",
                status=502,
            )
        self.offset += len(page.transactions)
        self.found.update((transaction.id, transaction) for transaction in page)
        self._unpaid.difference_update(find_video(entry) or "" for entry in page if is_payment(entry))
        self._note_order([entry.created_at for entry in page])
        is_old = self._is_descending and _lies_before(page, self._since) and not self._unpaid
        self.is_over = not page.transactions or is_old or self.offset >= page.total > 0

    def _note_order(self, times: Sequence[datetime | None]) -> None:
        for time in times:
            if time is None or (self._oldest is not None and time > self._oldest):
                self._is_descending = False
                return
            self._oldest = time


def _lies_before(page: CreditHistory, since: datetime | None) -> bool:
    return since is not None and all(entry.created_at is not None and entry.created_at < since for entry in page)


def is_payment(transaction: Transaction) -> bool:
    """Return whether a transaction took credits from the account."""
    return transaction.type == TransactionType.DEDUCTION or transaction.amount < 0


def find_video(transaction: Transaction) -> str | None:
    """Return the id of the video that a transaction names; None if it names none."""
    named = transaction.metadata.get("video_id") if transaction.metadata else None
    if isinstance(named, str) and named:
        return named
    described = VIDEO_ID.search(transaction.description)
    return described[0] if described else None


async def _read_page(api: BatchApi, offset: int) -> CreditHistory:
    refusals = 0
    while True:
        try:
            return await api.credits.get_history(MAX_PAGE_SIZE, offset)
        except RateLimitError as refusal:  # noqa: PERF203 - each refusal is waited for
            await api.clock.sleep(compute_pause(refusal.retry_after, refusals))
            refusals += 1

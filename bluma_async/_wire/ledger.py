"""
Read the ledger of an account from its pages, newest first, as far as a question needs it.

Rule 1: a short or an empty page below `total` is not the end: a server may cap its pages.
Rule 2: the order is documented by an example only. Reading stops early only if the transactions that were read have
shown this order. Those of one minute may be in any order: servers record several creates at once.
Rule 3: a video is named in the metadata of a transaction or in its description: the documents have both forms.

Nothing here sends: audits and searches for lost creates read the pages.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Collection, Dict, List, Sequence, Set

from bluma_async.types import TransactionType

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.types import CreditHistory, Transaction

__all__ = ["LedgerReading", "find_video", "is_payment"]

DISORDER = timedelta(minutes=1)  # by how much a transaction may be newer than one before it
VIDEO_ID = re.compile(r"\bbatch_[\w-]+")  # in descriptions such as "Video generation: batch_xyz789"


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


class LedgerReading:
    """
    The transactions from a moment on, and older ones until the payment of each known video was read.

    Attributes:
        offset: The number of transactions to skip in the next request.
        is_complete: Whether the transactions that were read are enough.
    """

    def __init__(self, since: datetime | None, known: Collection[str] = (), most_requests: int | None = None) -> None:
        """
        Begin to read.

        Args:
            since: The moment; None for all transactions.
            known: The ids of videos whose payments are needed.
            most_requests: The largest number of pages; None for as many as there are.
        """
        self._since = since
        self._unpaid: Set[str] = set(known)
        self._requests_left = most_requests
        self._newest: datetime | None = None
        self._oldest: datetime | None = None
        self._is_ordered = True
        self._has_ended = False  # whether there are no more pages
        self._found: Dict[str, Transaction] = {}  # by id: a new transaction moves older ones to the next page
        self._total = 0
        self.offset = 0
        self.is_complete = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be learned."""
        return self.is_complete or self._has_ended or self._requests_left == 0

    @property
    def transactions(self) -> List[Transaction]:
        """The transactions that were read, each one once."""
        return list(self._found.values())

    @property
    def progress(self) -> str:
        """How many of the transactions were read, for messages."""
        return f"{self.offset} of {self._total}"

    def add(self, page: CreditHistory) -> None:
        """Take in the page that was read."""
        if self._requests_left is not None:
            self._requests_left -= 1
        self._total = page.total
        self.offset += len(page.transactions)
        fresh = [entry for entry in page if entry.id not in self._found]
        self._found.update((transaction.id, transaction) for transaction in fresh)
        self._unpaid.difference_update(find_video(entry) or "" for entry in fresh if is_payment(entry))
        self._note_order([entry.created_at for entry in fresh if entry.created_at is not None])
        self._has_ended = not page.transactions or self.offset >= page.total > 0
        is_all = self._has_ended and self.offset >= page.total
        self.is_complete = is_all or (self._has_passed() and not self._unpaid)

    def _note_order(self, times: Sequence[datetime]) -> None:
        for time in times:
            self._newest = time if self._newest is None else max(time, self._newest)
            self._oldest = time if self._oldest is None else min(time, self._oldest)
            self._is_ordered = self._is_ordered and time - self._oldest <= DISORDER

    def _has_passed(self) -> bool:
        """Return whether the list is newest first, and everything behind the last page is older than `since`."""
        if self._since is None or self._newest is None or self._oldest is None:
            return False
        descends = self._is_ordered and self._newest - self._oldest > DISORDER
        return descends and self._oldest < self._since - DISORDER

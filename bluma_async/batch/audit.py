"""
Compare the ledger of a journal with the transactions of the account.

Rule 1: the ledger is read before the transactions, and once more after them: a run that is going on can have recorded
payments meanwhile.
Rule 2: a transaction that names no video, as in the documented example of a refund, is matched by its amount.
Rule 3: only transactions since the journal began can be unknown. Transactions of its own videos count at any time.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Collection, Dict, Iterable, Iterator, List, Mapping

import attrs

from bluma_async._wire.checks import invalid
from bluma_async._wire.ledger import find_video, is_payment
from bluma_async.batch.account_check import check_account
from bluma_async.batch.audit_results import AuditMismatch, BatchAudit, MismatchKind
from bluma_async.batch.transactions import read_transactions
from bluma_async.stores.postgres.known_videos import find_known_videos
from bluma_async.stores.states import JobState
from bluma_async.types import TransactionType

if TYPE_CHECKING:
    from bluma_async.batch.api import BatchApi
    from bluma_async.stores.jobs import LedgerLine
    from bluma_async.stores.ports import JobStore
    from bluma_async.types import Transaction

__all__ = ["AccountSide", "VideoSums", "audit_ledger", "compare", "sum_up"]

TEST_KEY = "bluma_test_"
MARGIN = timedelta(hours=1)  # by which the clocks of the journal and of the account can be apart
Ledger = Mapping[str, "LedgerLine"]  # by video


async def audit_ledger(store: JobStore, api: BatchApi) -> BatchAudit:
    """Read both sides and compare them; see `Batch.audit`."""
    if api.session.options.api_key.startswith(TEST_KEY):
        raise invalid("api_key", "A test key pays nothing, so there is nothing to compare. Audit with a live key.")
    await check_account(store, api)
    ledger, begin = await _read_ledger(store), await store.read_begin()
    since = None if begin is None else begin - MARGIN
    transactions = await read_transactions(api, since, ledger)
    newer = await _read_ledger(store)
    side = sum_up(transactions, since)
    known = await find_known_videos(store, [video_id for video_id in side.videos if video_id not in newer])
    keys = {**known.keys, **await _read_candidates(store)}
    return BatchAudit(
        mismatches=compare(ledger, side, {*ledger, *newer, *known.explained}, keys),
        videos=len(ledger),
        transactions=len(transactions),
        credits_charged=sum(line.charged for line in ledger.values()),
        credits_refunded=sum(line.refunded for line in ledger.values()),
    )


@attrs.define
class VideoSums:
    """The credits of one video in the account. `is_recent`: a transaction of it is from the time of the journal."""

    charged: int = 0
    refunded: int = 0
    is_recent: bool = False


@attrs.define
class AccountSide:
    """The credits of each video in the account, and how often each amount was paid or refunded without a video."""

    videos: Dict[str, VideoSums] = attrs.field(factory=lambda: {})  # noqa: PIE807 - typed, unlike `dict`
    unnamed_payments: Counter[int] = attrs.field(factory=lambda: Counter())  # noqa: PLW0108 - typed, unlike `Counter`
    unnamed_refunds: Counter[int] = attrs.field(factory=lambda: Counter())  # noqa: PLW0108 - typed, unlike `Counter`


def sum_up(transactions: Iterable[Transaction], since: datetime | None) -> AccountSide:
    """Return the sums of transactions; those before `since` are not recent."""
    side = AccountSide()
    for transaction in transactions:
        paid = is_payment(transaction)
        if not paid and transaction.type != TransactionType.REFUND:
            continue
        amount, video_id, at = abs(transaction.amount), find_video(transaction), transaction.created_at
        is_recent = since is None or at is None or at >= since
        if video_id is None:
            unnamed = side.unnamed_payments if paid else side.unnamed_refunds
            unnamed[amount] += is_recent
            continue
        sums = side.videos.setdefault(video_id, VideoSums())
        sums.charged += amount if paid else 0
        sums.refunded += 0 if paid else amount
        sums.is_recent = sums.is_recent or is_recent
    return side


def compare(
    ledger: Ledger, side: AccountSide, explained: Collection[str], keys: Mapping[str, str]
) -> List[AuditMismatch]:
    """
    Return the differences.

    Args:
        ledger: The lines of the ledger.
        side: The sums of the account. Transactions without a video that explain a difference are removed from it.
        explained: The ids of all videos that the journal knows by now.
        keys: By video, the key of the job or create in doubt that has it as a candidate, or whose stray it is.
    """
    return [
        *(mismatch for line in ledger.values() for mismatch in _compare_line(line, side)),
        *_list_unknown(side, explained, keys),
    ]


def _compare_line(line: LedgerLine, side: AccountSide) -> Iterator[AuditMismatch]:
    sums = side.videos.get(line.video_id, VideoSums())
    unpaid, unreturned = line.charged - sums.charged, line.refunded - sums.refunded
    if unpaid and not _take(side.unnamed_payments, unpaid):
        kind = MismatchKind.OTHER_CHARGE if sums.charged else MismatchKind.UNPAID
        yield _build_mismatch(kind, line, sums)
    if unreturned and not _take(side.unnamed_refunds, unreturned):
        kind = MismatchKind.MISSING_REFUND if unreturned > 0 else MismatchKind.UNKNOWN_REFUND
        yield _build_mismatch(kind, line, sums)


def _take(amounts: Counter[int], amount: int) -> bool:
    """Remove one transaction of an amount, and return whether there was one."""
    if amounts[amount] <= 0:
        return False
    amounts[amount] -= 1
    return True


def _build_mismatch(kind: MismatchKind, line: LedgerLine, sums: VideoSums) -> AuditMismatch:
    return AuditMismatch(
        kind=kind,
        video_id=line.video_id,
        key=line.key,
        charged=line.charged,
        refunded=line.refunded,
        account_charged=sums.charged,
        account_refunded=sums.refunded,
    )


def _list_unknown(side: AccountSide, explained: Collection[str], keys: Mapping[str, str]) -> Iterator[AuditMismatch]:
    for video_id, sums in side.videos.items():
        if video_id not in explained and sums.is_recent:
            yield AuditMismatch(
                kind=MismatchKind.UNKNOWN_PAYMENT if sums.charged else MismatchKind.UNKNOWN_REFUND,
                video_id=video_id,
                key=keys.get(video_id),
                account_charged=sums.charged,
                account_refunded=sums.refunded,
            )
    for amount in side.unnamed_payments.elements():
        yield AuditMismatch(kind=MismatchKind.UNKNOWN_PAYMENT, account_charged=amount)
    for amount in side.unnamed_refunds.elements():
        yield AuditMismatch(kind=MismatchKind.UNKNOWN_REFUND, account_refunded=amount)


async def _read_ledger(store: JobStore) -> Dict[str, LedgerLine]:
    lines: Dict[str, LedgerLine] = {}
    after = ""
    while page := await store.list_ledger(after):
        lines.update((line.video_id, line) for line in page)
        after = page[-1].video_id
    return lines


async def _read_candidates(store: JobStore) -> Dict[str, str]:
    """Return the candidates of the jobs in doubt, each with the key of its job."""
    keys: Dict[str, str] = {}
    after = 0
    while page := await store.list_jobs(JobState.IN_DOUBT, after):
        keys.update((video_id, job.key) for job in page for video_id in job.candidates)
        after = page[-1].place
    return keys

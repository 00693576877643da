"""
Compare the ledger of a journal with the transactions of the account.

Rule 1: the ledger is read before the transactions, and once more after them: a run that is going on can have recorded
payments meanwhile.
Rule 2: a transaction that names no video, as in the documented example of a refund, is matched by its amount.
Rule 3: only a payment that the journal's first create, or a later one, can have made is unknown. Its earliest time is
that of the video of a lost create (`window_begin`); the payments of the journal's own videos show the skew of the
clocks. A refund belongs to its payment. Transactions of the journal's own videos count at any time.
Rule 4: nobody records how the render of a create without a job ends, so a refund of its video is not compared.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Collection, Dict, Iterable, Iterator, List, Mapping, Tuple

import attrs

from bluma_async._wire.certainty import window_begin
from bluma_async._wire.checks import invalid
from bluma_async._wire.ledger import find_video, is_payment
from bluma_async.batch.account_check import check_account
from bluma_async.batch.audit_results import AuditMismatch, BatchAudit, MismatchKind
from bluma_async.batch.transactions import read_transactions
from bluma_async.stores.postgres.known_videos import find_known_videos
from bluma_async.stores.states import JobState
from bluma_async.types import TransactionType

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from bluma_async.batch.api import BatchApi
    from bluma_async.stores.jobs import LedgerLine
    from bluma_async.stores.ports import JobStore
    from bluma_async.types import Transaction

__all__ = ["AccountSide", "VideoSums", "audit_ledger", "compare", "sum_up"]

TEST_KEY = "bluma_test_"
SAMPLE = 200  # payments whose creates are looked up, to compare the clocks
Ledger = Mapping[str, "LedgerLine"]  # by video


async def audit_ledger(store: JobStore, api: BatchApi) -> BatchAudit:
    """Read both sides and compare them; see `Batch.audit`."""
    if api.session.options.api_key.startswith(TEST_KEY):
        raise invalid("api_key", "A test key pays nothing, so there is nothing to compare. Audit with a live key.")
    await check_account(store, api)
    ledger = await _read_ledger(store)
    transactions, begin = await _read_since(store, api, ledger)
    newer = await _read_ledger(store)
    side = sum_up(transactions, begin)
    known = await find_known_videos(store, [video_id for video_id in side.videos if video_id not in newer])
    keys = {**known.keys, **await _read_candidates(store)}
    return BatchAudit(
        mismatches=compare(ledger, side, {*ledger, *newer, *known.explained}, keys),
        videos=len(ledger),
        transactions=len(transactions),
        credits_charged=sum(line.charged or 0 for line in ledger.values()),
        credits_refunded=sum(line.refunded or 0 for line in ledger.values()),
    )


@attrs.define
class VideoSums:
    """The credits of one video in the account. `is_recent`: it was paid in the time of the journal."""

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
    """Return the sums of transactions; those before `since` are not recent, and with None no transaction is."""
    side = AccountSide()
    for transaction in transactions:
        paid = is_payment(transaction)
        if not paid and transaction.type != TransactionType.REFUND:
            continue
        amount, video_id, at = abs(transaction.amount), find_video(transaction), transaction.created_at
        is_recent = since is not None and (at is None or at >= since)
        if video_id is None:
            unnamed = side.unnamed_payments if paid else side.unnamed_refunds
            unnamed[amount] += is_recent
            continue
        sums = side.videos.setdefault(video_id, VideoSums())
        sums.charged += amount if paid else 0
        sums.refunded += 0 if paid else amount
        sums.is_recent = sums.is_recent or (paid and is_recent)
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
        *(mismatch for line in sorted(ledger.values(), key=_is_open) for mismatch in _compare_line(line, side)),
        *_list_unknown(side, explained, keys),
    ]


def _compare_line(line: LedgerLine, side: AccountSide) -> Iterator[AuditMismatch]:
    sums = side.videos.get(line.video_id, VideoSums())
    unpaid = 0 if line.charged is None else line.charged - sums.charged
    unreturned = 0 if line.refunded is None else line.refunded - sums.refunded
    if line.refunded is None and not sums.refunded:
        _take(side.unnamed_refunds, line.charged or sums.charged)  # it may be this video's
    if unpaid and not _take(side.unnamed_payments, unpaid):
        kind = MismatchKind.OTHER_CHARGE if sums.charged else MismatchKind.UNPAID
        yield _build_mismatch(kind, line, sums)
    if unreturned and not _take(side.unnamed_refunds, unreturned):
        kind = MismatchKind.MISSING_REFUND if unreturned > 0 else MismatchKind.UNKNOWN_REFUND
        yield _build_mismatch(kind, line, sums)


def _is_open(line: LedgerLine) -> bool:
    """Return whether any refund of a video matches. Such lines come last: the others need the unnamed refunds."""
    return line.refunded is None


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
        key=line.key or None,
        charged=line.charged or 0,
        refunded=line.refunded or 0,
        account_charged=sums.charged,
        account_refunded=sums.refunded,
    )


def _list_unknown(side: AccountSide, explained: Collection[str], keys: Mapping[str, str]) -> Iterator[AuditMismatch]:
    for video_id, sums in side.videos.items():
        if video_id not in explained and sums.is_recent:
            yield AuditMismatch(
                kind=MismatchKind.UNKNOWN_PAYMENT,
                video_id=video_id,
                key=keys.get(video_id),
                account_charged=sums.charged,
                account_refunded=sums.refunded,
            )
    for amount in side.unnamed_payments.elements():
        yield AuditMismatch(kind=MismatchKind.UNKNOWN_PAYMENT, account_charged=amount)
    for amount in side.unnamed_refunds.elements():
        yield AuditMismatch(kind=MismatchKind.UNKNOWN_REFUND, account_refunded=amount)


async def _read_since(store: JobStore, api: BatchApi, ledger: Ledger) -> Tuple[List[Transaction], datetime | None]:
    """Return the transactions since the first create, and the earliest time of its payment by the account's clock."""
    first = await store.read_first_create()
    if first is None:  # nothing was created: nothing can be unknown
        return (await read_transactions(api, None, ledger)) if ledger else [], None
    since = window_begin(first, first, None)
    transactions = await read_transactions(api, since, ledger)
    begin = window_begin(first, first, await _find_skew(store, ledger, transactions))
    if since is not None and begin is not None and begin < since:
        transactions = await read_transactions(api, begin, ledger)
    return transactions, begin


async def _find_skew(store: JobStore, ledger: Ledger, transactions: Iterable[Transaction]) -> timedelta | None:
    """Return by how much the clock of the creates was ahead of the account's, at most; None without a payment."""
    paid: Dict[str, datetime] = {}
    for entry in transactions:
        line = ledger.get(find_video(entry) or "")
        if line is not None and not _is_open(line) and is_payment(entry) and entry.created_at is not None:
            paid[line.video_id] = entry.created_at
    first = sorted(paid, key=paid.__getitem__)[:SAMPLE]  # clocks may be set later
    announced = await store.find_announced(first)
    return max((at - paid[video_id] for video_id, at in announced.items()), default=None)


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

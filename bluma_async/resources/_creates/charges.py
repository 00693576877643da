"""
Search the ledger of the account for a charge that a create without an answer may have made.

Rule 1: a charge contradicts the absence of a video, and never proves whose a video is.
Rule 2: a charge is explained only if it names a video that this create cannot have made, or another template. One that
names nothing may be this create's.
Rule 3: a ledger that cannot be read at all decides nothing; one that was not read far enough contradicts.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, AbstractSet, Dict, List

from bluma_async._wire.call import get
from bluma_async._wire.checks import MAX_PAGE_SIZE
from bluma_async._wire.codec import One
from bluma_async._wire.ledger import LedgerReading, find_video, is_payment
from bluma_async.errors import BlumaError
from bluma_async.types import CreditHistory

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session
    from bluma_async.types import Transaction

__all__ = ["find_contradiction"]

LIVE_KEY = "bluma_live_"  # test keys have no ledger that moves
MOST_REQUESTS = 20  # of one reading; 2,000 transactions at 100 to a page
CREDIT_HISTORY = One(CreditHistory)


async def find_contradiction(
    session: Session, call: InFlightCall, begin: datetime, older: AbstractSet[str]
) -> str | None:
    """
    Return why the ledger contradicts that a create was not accepted; None if it does not.

    Args:
        session: What to send with.
        call: The create.
        begin: The earliest time of a charge that counts.
        older: The ids of listed videos that are older than the create.
    """
    if not session.options.api_key.startswith(LIVE_KEY):
        return None
    reading = LedgerReading(begin, most_requests=MOST_REQUESTS)
    try:
        while not reading.is_over:
            await _read_page(session, call, reading)
    except BlumaError:
        if not reading.offset:
            return None  # a key without the scope: the list of videos decides
    charge = await _find_unexplained(session, call, _list_charges(reading.transactions, call, begin), older)
    if charge is not None:
        return f"the credit history has {charge}"
    if not reading.is_complete:
        return f"the credit history could not be read far enough ({reading.progress} transactions)"
    return None


async def _read_page(session: Session, call: InFlightCall, reading: LedgerReading) -> None:
    within = None if call.ends is None else max(call.ends - session.shared.clock.now(), 0.001)
    page = get("/credits/history", CREDIT_HISTORY, limit=MAX_PAGE_SIZE, offset=reading.offset)
    reading.add(await session.send(page, within=within))


def _list_charges(entries: List[Transaction], call: InFlightCall, begin: datetime) -> Dict[str | None, Transaction]:
    """Return the charges that are recent enough and not of another template, by their videos; None names no video."""
    charges = [entry for entry in entries if is_payment(entry) and (entry.created_at or begin) >= begin]
    return {find_video(entry): entry for entry in charges if not _is_of_another_template(entry, call)}


def _is_of_another_template(entry: Transaction, call: InFlightCall) -> bool:
    named = entry.metadata.get("template_id") if entry.metadata else None
    return named is not None and call.template_id is not None and named != call.template_id


async def _find_unexplained(
    session: Session, call: InFlightCall, charges: Dict[str | None, Transaction], older: AbstractSet[str]
) -> str | None:
    """Return the description of a charge that this create may have made."""
    unnamed = charges.get(None)
    if unnamed is not None:
        return f"an unexplained charge that names no video ({abs(unnamed.amount)} credits, transaction {unnamed.id})"
    names = [name for name in charges if name is not None and name not in older]
    unexplained = [name for name in names if session.evidence.may_be_from(name, call)]
    if unexplained and session.coordinator is not None:
        with contextlib.suppress(BlumaError):  # then they stay unexplained
            for name in (await session.coordinator.explain(call, unexplained)).known:
                session.evidence.mark_known(name)
    left = (name for name in unexplained if session.evidence.may_be_from(name, call))
    return next((f"an unexplained charge for {name}" for name in left), None)

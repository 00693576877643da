"""How far an audit reads the transactions of an account, and what it takes from them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Collection, Dict, List

import pytest

from bluma_async import errors
from bluma_async._wire.ledger import find_video, is_payment
from bluma_async.batch.api import BatchApi
from bluma_async.batch.audit import AccountSide, compare, sum_up
from bluma_async.batch.audit_results import MismatchKind
from bluma_async.batch.transactions import read_transactions
from bluma_async.stores.jobs import LedgerLine
from bluma_async.types import Transaction, TransactionType
from tests.fakes import START, answer, client_with, problem

Entry = Dict[str, Any]


def pay(number: int, minutes: float = 0.0, **more: Any) -> Entry:
    """Return the payment of a video, so many minutes before START."""
    at = (START - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    entry = {"id": f"txn_{number}", "type": "deduction", "amount": -2, "created_at": at}
    return {**entry, "metadata": {"video_id": f"batch_{number}"}, **more}


def page(*entries: Entry, total: int) -> Any:
    """Return an answer with a page of transactions."""
    return answer(200, {"transactions": list(entries), "total": total})


async def read(*replies: Any, since: datetime | None = START, known: Collection[str] = ()) -> List[str]:
    """Read transactions, and return their ids, then the offsets that were asked for, then the seconds slept."""
    client, transport, clock = client_with(*replies)
    found = await read_transactions(BatchApi(client._session, client._hub), since, known)
    offsets = [request.url.rsplit("offset=", 1)[1] for request in transport.requests]
    return [*(entry.id for entry in found), *offsets, *(f"{seconds:g} s" for seconds in clock.slept)]


async def test_reading_stops_at_a_transaction_before_the_journal() -> None:
    """Older transactions have nothing to do with it; they are behind it, once the order is known."""
    assert await read(page(pay(3), pay(2, 5), total=9)) == ["txn_3", "txn_2", "0"]
    assert await read(page(pay(3), pay(2), total=9), page(pay(1, 6), total=9)) == ["txn_3", "txn_2", "txn_1", "0", "2"]


async def test_transactions_of_one_minute_may_be_in_any_order() -> None:
    """Servers record several creates at once; order and end are judged with a minute to spare."""
    mixed = page(pay(5), pay(4, 0.9), pay(3, 0.2), total=9), page(pay(2, 4), pay(1, 4.5), total=9)

    assert await read(*mixed) == ["txn_5", "txn_4", "txn_3", "txn_2", "txn_1", "0", "3"]


async def test_transactions_that_are_read_twice_show_no_disorder() -> None:
    """New ones have moved them to the next page."""
    replies = page(pay(3), pay(2, 3), total=99), page(pay(3), pay(2, 3), pay(1, 9), total=101)

    assert await read(*replies, since=START - timedelta(minutes=4)) == ["txn_3", "txn_2", "txn_1", "0", "2"]


async def test_one_transaction_shows_no_order() -> None:
    """A list of pages of one transaction may begin with the oldest."""
    replies = page(pay(1, 6), total=2), page(pay(2), total=2)

    assert await read(*replies) == ["txn_1", "txn_2", "0", "1"]


async def test_older_pages_are_read_for_a_known_video() -> None:
    """Its payment is looked for until it is found, or there are no more transactions."""
    replies = page(pay(3, 5), total=3), page(pay(2, 7), total=3), page(pay(1, 9), total=3)

    assert await read(*replies, known=["batch_2"]) == ["txn_3", "txn_2", "0", "1"]
    assert await read(*replies, known=["batch_lost"]) == ["txn_3", "txn_2", "txn_1", "0", "1", "2"]


@pytest.mark.parametrize("odd", [pay(2, -5), pay(2, created_at=None)])
async def test_a_list_without_order_is_read_to_its_end(odd: Entry) -> None:
    """Newest first is documented by an example only; a transaction without a time has no place in it."""
    replies = page(pay(3, 60), total=4), page(odd, total=4), page(pay(1, 60), total=4), page(pay(0, 60), total=4)

    assert await read(*replies, known=["batch_2"]) == ["txn_3", "txn_2", "txn_1", "txn_0", "0", "1", "2", "3"]


async def test_a_new_transaction_that_moves_the_pages_is_counted_once() -> None:
    """The last one of a page is the first one of the next page then."""
    replies = page(pay(3), pay(2), total=3), page(pay(2), pay(1), total=4)

    assert await read(*replies, since=None) == ["txn_3", "txn_2", "txn_1", "0", "2"]


async def test_without_a_total_the_list_ends_with_an_empty_page() -> None:
    """A server may not count."""
    assert await read(page(pay(1), total=0), page(total=0), since=None) == ["txn_1", "0", "1"]


async def test_a_list_that_ends_too_early_is_an_error() -> None:
    """A part of the transactions is refused, because nothing can be concluded from it."""
    with pytest.raises(errors.BlumaError, match="ended after 1 of 3, so nothing can be concluded"):
        await read(page(pay(1), total=3), page(total=3), since=None)


async def test_a_rate_limit_is_waited_for() -> None:
    """As long as the API asks; without a Retry-After, a minute."""
    limits = problem(429), answer(429, {"error": {"type": "rate_limit", "status": 429}}, {"Retry-After": "100"})

    assert await read(*limits, page(pay(1), total=1)) == ["txn_1", "0", "0", "0", "60 s", "100 s"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"metadata": {"video_id": "batch_a"}}, "batch_a"),
        ({"metadata": {"video_id": "batch_a"}, "description": "Video generation: batch_b"}, "batch_a"),
        ({"description": "Video generation: batch_b"}, "batch_b"),
        ({"description": "Failed video refund: batch_550e8400-e29b-41d4."}, "batch_550e8400-e29b-41d4"),
        ({"metadata": {"video_id": 7}, "description": "Failed video refund"}, None),
        ({"metadata": {"video_id": ""}, "description": "Credit purchase"}, None),
    ],
)
def test_a_transaction_names_its_video(more: Any, expected: str | None) -> None:
    """In its metadata, or in its description."""
    assert find_video(Transaction(id="t", type=TransactionType.REFUND, amount=2, **more)) == expected


@pytest.mark.parametrize(
    ("kind", "amount", "expected"),
    [("deduction", -2, True), ("deduction", 2, True), ("credit", -2, True), ("refund", 2, False), ("grant", 9, False)],
)
def test_a_payment_takes_credits(kind: str, amount: int, expected: bool) -> None:
    """Types that are unknown are judged by their sign."""
    assert is_payment(Transaction(id="t", type=TransactionType(kind), amount=amount)) == expected


def transact(kind: str, amount: int, video_id: str | None = None) -> Transaction:
    """Return a transaction."""
    named: Any = {"video_id": video_id} if video_id else None
    return Transaction(id="t", type=TransactionType(kind), amount=amount, metadata=named, created_at=START)


def find_kinds(side: AccountSide, *lines: LedgerLine) -> List[str]:
    """Compare, and return the kinds of the differences."""
    ledger = {line.video_id: line for line in lines}
    return [str(entry.kind) for entry in compare(ledger, side, ledger, {})]


def test_transactions_without_a_video_are_matched_by_their_amount() -> None:
    """The documented example of a refund names none; each explains one difference of its amount."""
    side = sum_up([transact("deduction", -2), transact("refund", 2), transact("refund", 5)], START)

    found = find_kinds(side, LedgerLine("a", "k", 2, 2), LedgerLine("b", "k", 2, 2))

    assert found == [MismatchKind.UNPAID, MismatchKind.MISSING_REFUND, MismatchKind.UNKNOWN_REFUND]


def test_a_payment_in_parts_is_summed() -> None:
    """The charge of a video is the sum of its deductions."""
    side = sum_up([transact("deduction", -2, "a"), transact("deduction", -4, "a")], None)

    assert find_kinds(side, LedgerLine("a", "k", 6, 0)) == []
    assert find_kinds(side, LedgerLine("a", "k", 2, 0)) == [MismatchKind.OTHER_CHARGE]


def test_a_refund_belongs_to_its_payment() -> None:
    """That of a video whose payment was before the journal is no difference; one without a video may be any."""
    named = sum_up([transact("refund", 2, "a"), transact("purchase", 100)], START)
    unnamed = sum_up([transact("refund", 2), transact("purchase", 100)], START)

    assert (find_kinds(named), find_kinds(unnamed)) == ([], [MismatchKind.UNKNOWN_REFUND])


def test_what_was_before_the_journal_is_not_unknown() -> None:
    """Neither with a video nor without."""
    before = START + timedelta(seconds=1)
    entries = [transact("deduction", -2, "a"), transact("deduction", -3), transact("refund", 2)]

    assert find_kinds(sum_up(entries, before)) == []
    assert len(find_kinds(sum_up(entries, START))) == 3

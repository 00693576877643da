"""Audits: the ledger of a journal against the transactions of the account."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List, Tuple

import attrs
import pytest

from bluma_async import AsyncBluma, AuditMismatch, MismatchKind, errors
from bluma_async.batch.audit import compare, sum_up
from bluma_async.batch.batch import Batch
from bluma_async.sandbox import Sandbox
from bluma_async.stores.jobs import LedgerLine
from bluma_async.stores.memory.jobs import MemoryJobStore
from bluma_async.types import Transaction
from tests.batch.helpers import TEMPLATE, change_journal, make_rows, run_all
from tests.batch.test_store import batch_in_memory
from tests.postgres import PostgresServer
from tests.servers import as_another_process

ONE_FAILS: List[Dict[str, Any]] = [*make_rows(2), {"template_id": TEMPLATE, "prompt": "x [fail]", "key": "bad"}]
CLOCK = "UPDATE history SET at = strftime('%Y-%m-%dT%H:%M:%S+00:00', at, ?) WHERE place = ?"
GHOST = (
    "INSERT INTO bluma_intents (account, request_key, name, epoch, made_by, settles_after, outcome, video_id, charged) "
    "VALUES (1, 'q', 'ghost', 1, 1, 0, 'billed', 'batch_never_paid', 2) RETURNING 1"
)
Figures = Tuple[int, int, int, int]  # charged and refunded by the ledger; charged and refunded by the account


def read_figures(entry: AuditMismatch) -> Figures:
    """Return the credits of a difference."""
    return entry.charged, entry.refunded, entry.account_charged, entry.account_refunded


async def test_a_batch_matches_its_account(quick: Sandbox, batch: Batch) -> None:
    """Payments and refunds agree; the purchase of the credits is not a payment."""
    await run_all(batch, ONE_FAILS)

    found = await batch.audit()

    assert found.to_dict() == {
        "mismatches": [],
        "videos": 3,
        "transactions": 5,
        "credits_charged": 6,
        "credits_refunded": 2,
    }


async def test_a_run_is_audited_while_it_goes_on(quick: Sandbox, batch: Batch) -> None:
    """Its lock does not keep a reader out, and the job that it has created matches."""
    found = [await batch.audit() async for _ in batch.run(make_rows(1))]

    assert [(entry.is_matching, entry.videos) for entry in found] == [(True, 1)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("DELETE FROM videos WHERE place = 1", (MismatchKind.UNKNOWN_PAYMENT, None, (0, 0, 2, 0))),
        ("DELETE FROM videos WHERE place = 3", (MismatchKind.UNKNOWN_PAYMENT, None, (0, 0, 2, 2))),
        ("INSERT INTO videos VALUES ('batch_ghost', 1, 2, 0)", (MismatchKind.UNPAID, "k0", (2, 0, 0, 0))),
        ("UPDATE videos SET charged = 5 WHERE place = 1", (MismatchKind.OTHER_CHARGE, "k0", (5, 0, 2, 0))),
        ("UPDATE videos SET charged = 0 WHERE place = 1", (MismatchKind.OTHER_CHARGE, "k0", (0, 0, 2, 0))),
        ("UPDATE videos SET refunded = 2 WHERE place = 2", (MismatchKind.MISSING_REFUND, "k1", (2, 2, 2, 0))),
        ("UPDATE videos SET refunded = 0", (MismatchKind.UNKNOWN_REFUND, "bad", (2, 0, 2, 2))),
    ],
)
async def test_each_difference_is_found(
    quick: Sandbox, batch: Batch, tmp_path: Path, change: str, expected: Tuple[MismatchKind, str | None, Figures]
) -> None:
    """It names the job, and has the credits of both sides."""
    await run_all(batch, ONE_FAILS)
    change_journal(tmp_path, change)

    found = await batch.audit()

    [entry] = found.mismatches
    assert (entry.kind, entry.key, read_figures(entry)) == expected
    assert not found.is_matching


async def test_videos_of_others_are_unknown_payments(quick: Sandbox, client: AsyncBluma, batch: Batch) -> None:
    """Whoever created them: the journal has no line of them."""
    await run_all(batch, make_rows(1))
    stranger = await client.videos.create({"prompt": "theirs"}, TEMPLATE)

    [entry] = (await batch.audit()).mismatches

    assert (entry.kind, entry.video_id, entry.key) == (MismatchKind.UNKNOWN_PAYMENT, stranger.id, None)


async def test_a_video_that_the_database_has_recorded_is_explained(
    quick: Sandbox, client: AsyncBluma, postgres: str, postgres_server: PostgresServer
) -> None:
    """A create without a job made it. A stray or a candidate is unknown, and has the key of its job or create."""
    batch = client.batch(postgres, poll_interval=0.01)
    await run_all(batch, make_rows(1))
    async with AsyncBluma(quick.live_key, base_url=quick.base_url, shared=postgres) as sharing:
        await sharing.videos.create({"prompt": "single"}, TEMPLATE, key="order-1")
    strays = [(await client.videos.create({"prompt": "stray"}, TEMPLATE)).id for _ in range(3)]
    [(number,)] = postgres_server.fetch(postgres, "SELECT id FROM bluma_intents WHERE name IS NOT NULL")
    record = (
        "INSERT INTO bluma_strays (place, request_key, video_id, charged, epoch) VALUES (%s, %s, %s, 2, 1) RETURNING 1"
    )
    postgres_server.fetch(postgres, record, 1, "q", strays[0])
    postgres_server.fetch(postgres, record, None, f"create {number}", strays[1])
    doubt = (
        "INSERT INTO bluma_intents (account, request_key, name, epoch, made_by, settles_after, outcome, candidates) "
        "VALUES (1, 'q', 'order-2', 1, 1, 0, 'doubt', %s) RETURNING 1"
    )
    postgres_server.fetch(postgres, doubt, [strays[2]])

    found = await batch.audit()

    assert {(entry.kind, entry.video_id, entry.key) for entry in found.mismatches} == {
        (MismatchKind.UNKNOWN_PAYMENT, strays[0], "k0"),
        (MismatchKind.UNKNOWN_PAYMENT, strays[1], "order-1"),
        (MismatchKind.UNKNOWN_PAYMENT, strays[2], "order-2"),
    }


async def test_payments_before_the_first_create_are_not_its_concern(
    quick: Sandbox, batch: Batch, tmp_path: Path
) -> None:
    """A few seconds before are enough: the payment of the journal's own video shows that the clocks agree."""
    quick.create_as_stranger(TEMPLATE)
    await quick.advance(3)
    await run_all(batch, make_rows(1))
    change_journal(tmp_path, CLOCK, "+3 seconds", "1")

    found = await batch.audit()

    assert (found.mismatches, found.transactions) == ([], 3)


def test_a_refund_belongs_to_its_payment() -> None:
    """If that was before the first create, a refund after it is not the journal's concern."""
    paid_at, since = datetime(2025, 11, 3, 11, 59, tzinfo=timezone.utc), datetime(2025, 11, 3, 12, tzinfo=timezone.utc)
    video = {"video_id": "batch_a"}
    payment = Transaction(id="a", type="deduction", amount=-2, metadata=video, created_at=paid_at)
    refund = attrs.evolve(payment, id="b", type="refund", amount=2, created_at=since)

    found = [compare({}, sum_up(rows, since), (), {}) for rows in ([payment, refund], [refund])]
    [late] = compare({}, sum_up([attrs.evolve(payment, created_at=since), refund], since), (), {})

    assert (found, late.kind) == ([[], []], MismatchKind.UNKNOWN_PAYMENT)


async def test_a_lost_payment_is_unknown_although_the_clocks_disagree(
    quick: Sandbox, batch: Batch, tmp_path: Path
) -> None:
    """The first create has no line in the ledger; the journal's clock was 90 s ahead of the account's."""
    quick.faults.add("POST /videos", "drop_after")
    await run_all(batch, make_rows(2))
    change_journal(tmp_path, CLOCK, "+90 seconds", "1")
    change_journal(tmp_path, CLOCK, "+195 seconds", "2")  # 105 s pass after each create

    [entry] = (await batch.audit()).mismatches

    assert (entry.kind, entry.key) == (MismatchKind.UNKNOWN_PAYMENT, "k0")


async def test_a_journal_that_has_created_nothing_knows_no_payment(
    quick: Sandbox, client: AsyncBluma, batch: Batch
) -> None:
    """Its jobs are only planned; another program pays meanwhile."""
    await batch.submit(make_rows(1))
    await client.videos.create({"prompt": "theirs"}, TEMPLATE)

    found = await batch.audit()

    assert (found.is_matching, found.videos) == (True, 0)


async def test_own_videos_are_looked_for_as_far_back_as_it_takes(quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """Whatever the journal's clock showed."""
    await run_all(batch, ONE_FAILS)
    change_journal(tmp_path, "UPDATE history SET at = '2999-01-01T00:00:00+00:00'")

    found = await batch.audit()

    assert (found.is_matching, found.transactions) == (True, 5)


async def test_creates_without_a_job_are_lines_of_the_ledger(
    quick: Sandbox, client: AsyncBluma, postgres: str, postgres_server: PostgresServer
) -> None:
    """Their charges are compared. Nobody records how their renders end: a refund matches, and so does none."""
    batch = client.batch(postgres, poll_interval=0.01)
    await run_all(batch, make_rows(1))
    async with AsyncBluma(quick.live_key, base_url=quick.base_url, shared=postgres) as sharing:
        for prompt in ("good", "bad [fail]"):
            await sharing.videos.create({"prompt": prompt}, TEMPLATE, key=prompt[:3])
    await quick.advance(600)
    matching = await batch.audit()
    postgres_server.fetch(postgres, GHOST)
    postgres_server.fetch(postgres, "UPDATE bluma_intents SET charged = 5 WHERE name = 'goo' RETURNING 1")

    found = await batch.audit()

    assert (matching.mismatches, matching.videos, matching.credits_charged) == ([], 3, 6)
    assert {(entry.kind, entry.key, read_figures(entry)) for entry in found.mismatches} == {
        (MismatchKind.UNPAID, "ghost", (2, 0, 0, 0)),
        (MismatchKind.OTHER_CHARGE, "goo", (5, 0, 2, 0)),
    }


def test_a_refund_without_a_video_may_be_that_of_a_create_without_a_job() -> None:
    """The documented refund names no video. Jobs take theirs first, because the ledger has the end of their renders."""
    began = datetime(2025, 11, 3, tzinfo=timezone.utc)
    paid = [Transaction(id=name, type="deduction", amount=-2, description=f"Video: batch_{name}") for name in "ab"]
    refund = Transaction(id="r", type="refund", amount=2, description="Refund for failed generation")
    single, job = LedgerLine("batch_a", "", 2, None), LedgerLine("batch_b", "b", 2, 2)

    alone = compare({"batch_a": single}, sum_up([paid[0], refund], began), ["batch_a"], {})
    both = compare({"batch_a": single, "batch_b": job}, sum_up([*paid, refund], began), ["batch_a", "batch_b"], {})

    assert (alone, both) == ([], [])


async def test_a_lost_answer_is_an_unknown_payment_until_it_is_settled(quick: Sandbox, batch: Batch) -> None:
    """The job in doubt is named; after it has adopted the video, both sides agree."""
    quick.faults.add("POST /videos", "drop_after")
    [result] = await run_all(batch, make_rows(1))
    [candidate] = result.candidates

    doubted = (await batch.audit()).mismatches
    await batch.adopt("k0", candidate)
    settled = await batch.audit()

    assert [(entry.kind, entry.video_id, entry.key) for entry in doubted] == [
        (MismatchKind.UNKNOWN_PAYMENT, candidate, "k0")
    ]
    assert (settled.is_matching, settled.credits_charged) == (True, 2)


async def test_a_job_that_was_billed_twice_on_request_shows_it(quick: Sandbox, batch: Batch) -> None:
    """It was in doubt, and was created again: the first video stays an unknown payment, without a job."""
    quick.faults.add("POST /videos", "drop_after")
    [result] = await run_all(batch, make_rows(1))
    await batch.retry(in_doubt="resubmit")
    await run_all(batch)

    [entry] = (await batch.audit()).mismatches

    assert (entry.kind, entry.video_id, entry.key) == (MismatchKind.UNKNOWN_PAYMENT, result.candidates[0], None)


async def test_a_failed_job_that_is_tried_again_matches(quick: Sandbox, batch: Batch) -> None:
    """Its two videos were both paid and both refunded."""
    await run_all(batch, ONE_FAILS)
    await batch.retry()
    await run_all(batch)

    found = await batch.audit()

    assert (found.is_matching, found.videos, found.credits_charged, found.credits_refunded) == (True, 4, 8, 4)


async def test_answers_without_a_price_match(quick: Sandbox, batch: Batch) -> None:
    """The ledger has the price of the template then, which the account has paid."""
    quick.cruelty = quick.cruelty.change(no_credits_charged=True)
    await run_all(batch, make_rows(1))

    found = await batch.audit()

    assert (found.is_matching, found.credits_charged) == (True, 2)


async def test_the_history_is_read_page_by_page(quick: Sandbox, batch: Batch) -> None:
    """Pages that are shorter than asked for are not the end."""
    await run_all(batch, make_rows(7))
    quick.cruelty = quick.cruelty.change(page_cap=2)
    before = len(quick.requests)

    found = await batch.audit()

    assert [record.query for record in quick.requests[before:]] == [
        f"limit=100&offset={offset}" for offset in range(0, 8, 2)
    ]
    assert (found.is_matching, found.transactions) == (True, 8)


async def test_a_history_that_fails_concludes_nothing(quick: Sandbox, batch: Batch) -> None:
    """No mismatch is reported then."""
    await run_all(batch, make_rows(1))
    quick.faults.add("GET /credits/history", "status", status=500, times=None)

    with pytest.raises(errors.ServerError):
        await batch.audit()


async def test_a_key_without_the_scope(quick: Sandbox, batch: Batch) -> None:
    """The error names what is missing."""
    await run_all(batch, make_rows(1))
    quick.faults.add("GET /credits/history", "status", status=403)

    with pytest.raises(errors.ForbiddenError):
        await batch.audit()


async def test_audits_that_cannot_be(quick: Sandbox, client: AsyncBluma, batch: Batch, tmp_path: Path) -> None:
    """No journal, a test key, and a key of another account."""
    with pytest.raises(errors.InvalidArgumentError, match="no journal at"):
        await batch.audit()
    await run_all(batch, make_rows(1))
    async with AsyncBluma(quick.test_key, base_url=quick.base_url) as testing:
        with pytest.raises(errors.InvalidArgumentError, match="A test key pays nothing"):
            await testing.batch(out=tmp_path).audit()
    async with Sandbox(clock="manual", render=False) as elsewhere:
        stranger = AsyncBluma(elsewhere.live_key, base_url=elsewhere.base_url)
        with pytest.raises(errors.InvalidArgumentError, match="another account"):
            await stranger.batch(out=tmp_path).audit()
        await stranger.aclose()


async def test_a_rotated_key_audits_too(quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """It reads the journal's newest video, so the account is the same."""
    await run_all(batch, make_rows(1))

    async with AsyncBluma(quick.live_key, base_url=as_another_process(quick.base_url)) as rotated:
        assert (await rotated.batch(out=tmp_path).audit()).is_matching


async def test_a_store_in_memory_is_audited(quick: Sandbox, client: AsyncBluma) -> None:
    """An audit reads any store, also one in memory."""
    batch = batch_in_memory(client, MemoryJobStore())
    await run_all(batch, ONE_FAILS)

    found = await batch.audit()

    assert (found.is_matching, found.videos, found.transactions) == (True, 3, 5)


async def test_an_empty_journal_matches(quick: Sandbox, batch: Batch) -> None:
    """Nothing was planned; the account was only filled."""
    await run_all(batch, [])

    found = await batch.audit()

    assert (found.is_matching, found.videos) == (True, 0)

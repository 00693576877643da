"""Creates that end early: nobody waits for a turn that nobody uses."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any, Callable

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch import job_creator
from bluma_async.resources._creates.shared import SharedCreate
from bluma_async.sandbox import Sandbox
from bluma_async.stores.postgres.creates import PostgresCreates
from tests.batch.helpers import make_rows, run_all
from tests.fakes import FakeClock
from tests.postgres import PostgresServer
from tests.sharing.conftest import CONTEXT, TEMPLATE, MakeClient

OPEN = "SELECT count(*) FROM bluma_intents WHERE outcome IS NULL"
AGE = "UPDATE bluma_intents SET sent_at = sent_at - interval '2 min' RETURNING 1"


def find_database(client: AsyncBluma) -> Any:
    """Return the database that a client has joined."""
    return client._session.coordinator._membership.find()._member.database  # type: ignore[union-attr]  # it has one


def cancel_at(client: AsyncBluma, step: int, cancel: Callable[[], Any]) -> None:
    """Cancel something as soon as a client uses its database for the given time."""
    database = find_database(client)
    real, steps = database.do, iter(range(100))

    async def do(*given: Any, **options: Any) -> Any:
        if next(steps) == step:
            cancel()
        return await real(*given, **options)

    database.do = do


@pytest.mark.parametrize("step", range(5))
async def test_a_create_that_is_cancelled_leaves_its_turn_to_others(
    sandbox: Sandbox,
    make_client: MakeClient,
    postgres: str,
    postgres_server: PostgresServer,
    step: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At whichever use of the database that happens. Its transaction is finished, and the id of a paid video logged."""
    client = make_client()
    await client.videos.create(CONTEXT, "meme-dialogue")
    cancel_at(client, step, lambda: creating.cancel())  # noqa: PLW0108 - the task does not exist yet
    creating = asyncio.ensure_future(client.videos.create(CONTEXT, TEMPLATE, key="task-1"))

    with pytest.raises(asyncio.CancelledError):
        await creating

    _, *paid = [bill["metadata"]["video_id"] for bill in sandbox.ledger.bills()]
    assert [video_id in caplog.text for video_id in paid] == [True] * len(paid)
    assert postgres_server.fetch(postgres, OPEN) == [(0,)]
    await make_client(deadline=5).videos.create(CONTEXT, TEMPLATE, key="task-1")
    assert sandbox.state()["billed"] == 2


async def test_a_create_that_is_cancelled_as_it_claims_a_lost_one_leaves_it_to_others(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """Another process settles it, and need not wait until this one has been silent for minutes."""
    lost, client = make_client(max_retries=0, timeout=0.3), make_client()
    await client.videos.create(CONTEXT, "meme-dialogue")
    sandbox.faults.add("POST /videos", "silent")
    creating = asyncio.ensure_future(lost.videos.create(CONTEXT, TEMPLATE, key="task-1"))
    while sandbox.state()["billed"] == 1:
        await asyncio.sleep(0.01)
    creating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creating
    postgres_server.fetch(postgres, AGE)
    cancel_at(client, 1, lambda: claiming.cancel())  # noqa: PLW0108 - the task does not exist yet
    claiming = asyncio.ensure_future(client.videos.create(CONTEXT, TEMPLATE, key="task-1"))
    with pytest.raises(asyncio.CancelledError):
        await claiming
    postgres_server.fetch(postgres, AGE)

    await make_client(deadline=5, exclusive=True).videos.create(CONTEXT, TEMPLATE, key="task-1")

    assert sandbox.state()["billed"] == 2


async def test_a_second_attempt_that_the_database_stops_leaves_the_first_one_in_doubt(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    """With `on_ambiguous="retry"`: the error says that the first attempt may have been billed."""
    client = make_client(on_ambiguous="retry", max_retries=2)
    await client.videos.create(CONTEXT, "meme-dialogue")
    sandbox.faults.add("POST /videos", "drop_after")
    database = find_database(client)
    real = database.do

    async def lose(*given: Any, **options: Any) -> Any:
        if sandbox.state()["billed"] == 2 and not sandbox.faults.active:
            raise errors.BlumaError("The database is lost.")
        return await real(*given, **options)

    database.do = lose

    with pytest.raises(errors.AmbiguousCreateError, match="may have been accepted and billed"):
        await client.videos.create(CONTEXT, TEMPLATE)

    assert len(client.open_creates) == 1
    assert sandbox.state()["billed"] == 2


async def test_an_interrupted_create_that_another_process_has_settled_is_no_rival_any_more(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """With `exclusive=True`, the next lost create of the process that was interrupted is found."""
    interrupted, other = (make_client(exclusive=True, max_retries=0) for _ in range(2))
    await interrupted.videos.create(CONTEXT, "meme-dialogue")
    sandbox.faults.add("POST /videos", "silent")
    creating = asyncio.ensure_future(interrupted.videos.create(CONTEXT, TEMPLATE, key="task-1"))
    while sandbox.state()["billed"] < 2:
        await asyncio.sleep(0.01)
    creating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creating
    assert len(interrupted.open_creates) == 1
    postgres_server.fetch(postgres, AGE)
    first = await other.videos.create(CONTEXT, TEMPLATE, key="task-1")
    sandbox.faults.add("POST /videos", "drop_after")

    second = await interrupted.videos.create(CONTEXT, TEMPLATE, key="task-2")

    assert first.id != second.id
    assert interrupted.open_creates == []
    assert sandbox.state()["billed"] == 3


async def call_as(action: Any, is_repeated: bool, db: Any, _: bool) -> Any:
    """Run an action as its first attempt, or as one after an answer that was lost."""
    return await action(db, is_repeated)


async def lose(client: AsyncBluma, sandbox: Sandbox, key: str) -> None:
    """Let a client be interrupted after its create was billed, and before its answer came."""
    billed = sandbox.state()["billed"]
    sandbox.faults.add("POST /videos", "silent")
    creating = asyncio.ensure_future(client.videos.create(CONTEXT, TEMPLATE, key=key))
    while sandbox.state()["billed"] == billed:
        await asyncio.sleep(0.01)
    creating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creating


async def test_a_transaction_whose_answer_is_lost_is_not_waited_for(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """As if the database was restarted after each commit; creates and claims are found again, and billed once."""
    client, lost = (make_client(exclusive=True, max_retries=0, deadline=5) for _ in range(2))
    await client.videos.create(CONTEXT, "meme-dialogue")
    database = find_database(client)
    real = database.do

    async def do_twice(action: Any, **options: Any) -> Any:
        for is_repeated in (False, True):
            outcome = await real(partial(call_as, action, is_repeated), **options)
        return outcome

    database.do = do_twice
    made = [await client.videos.create(CONTEXT, TEMPLATE, key="task-1") for _ in range(2)]
    await lose(lost, sandbox, "task-2")
    postgres_server.fetch(postgres, AGE)
    await client.videos.create(CONTEXT, TEMPLATE, key="task-2")
    await lose(lost, sandbox, "task-3")
    postgres_server.fetch(postgres, AGE)
    settled = await client.settle()

    assert made[0].id == made[1].id
    assert [create.result for create in settled] == ["accepted"]
    assert sandbox.state()["billed"] == 4
    assert postgres_server.fetch(postgres, OPEN) == [(0,)]


async def test_the_outcome_of_a_lost_create_is_recorded_later_if_the_database_is_lost(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """Otherwise nobody would settle it as long as the process lives that has claimed it."""
    clock = FakeClock()
    lost, client = make_client(exclusive=True), make_client(exclusive=True, clock=clock)
    await client.videos.create(CONTEXT, "meme-dialogue")
    await lose(lost, sandbox, "task-1")
    postgres_server.fetch(postgres, AGE)
    real, failures = PostgresCreates.bill, iter([errors.BlumaError("The database is lost.")])

    async def bill(creates: PostgresCreates, *given: Any) -> None:
        for failure in failures:
            raise failure
        await real(creates, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PostgresCreates, "bill", bill)
        video = await client.videos.create(CONTEXT, TEMPLATE, key="task-1")
        while 5.0 not in clock.slept or postgres_server.fetch(postgres, OPEN) != [(0,)]:
            await asyncio.sleep(0.01)

    assert (await lost.videos.create(CONTEXT, TEMPLATE, key="task-1")).id == video.id
    assert sandbox.state()["billed"] == 2


TAKE = (
    "INSERT INTO bluma_workers (name, ends_at) VALUES ('other', now() + interval '1 h') RETURNING epoch",
    "UPDATE bluma_intents SET epoch = (SELECT max(epoch) FROM bluma_workers), sent_at = clock_timestamp() RETURNING 1",
)


async def test_a_job_whose_create_was_taken_over_is_not_planned_again(
    sandbox: Sandbox,
    make_client: MakeClient,
    postgres: str,
    postgres_server: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The journal is a file. The create was accepted, this process has forgotten it, and is cancelled as it waits."""
    real, turns, waits = SharedCreate._wait_for_turn, [], asyncio.Event()

    async def wait_for_turn(*given: Any) -> Any:
        turns.append(1)
        if len(turns) > 1:
            waits.set()
            await asyncio.Event().wait()
        return await real(*given)

    async def take_over(_: Any) -> None:
        for statement in TAKE:
            postgres_server.fetch(postgres, statement)

    monkeypatch.setattr(SharedCreate, "_wait_for_turn", wait_for_turn)
    monkeypatch.setattr(job_creator, "GRACE", 0.0)
    sandbox.faults.add("POST /videos", "drop_after")
    batch = make_client(on_retry=take_over).batch(out=tmp_path)
    running = asyncio.ensure_future(run_all(batch, make_rows(1)))
    await waits.wait()
    running.cancel()
    await asyncio.wait([running])

    assert [str(result.state) async for result in batch.results()] == ["creating"]
    assert sandbox.state()["billed"] == 1

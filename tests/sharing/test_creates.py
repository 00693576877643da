"""Creates of several processes with one key: their turns, what they know of each other, and those of dead processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

from bluma_async import errors
from bluma_async.sandbox import Sandbox
from bluma_async.stores.creates import TurnKind, WantedCreate
from bluma_async.stores.postgres.creates import find_creates
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.types._model import utc_now
from tests.batch.helpers import make_rows, run_all
from tests.batch.test_shared import leave_open
from tests.fakes import FakeClock
from tests.postgres import PostgresServer
from tests.sharing.conftest import CONTEXT, TEMPLATE, MakeClient

ROOT = Path(__file__).resolve().parents[2]
TASK = """
from bluma import Bluma

with Bluma(shared={url!r}, timeout=60) as client:
    client.videos.generate({{"prompt": "A bakery at dawn"}}, "ugc-text-overlay", key="task-1")
"""


async def test_a_lost_create_is_not_taken_for_that_of_another_process(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    """The store knows which videos the others have made, so an exclusive create adopts none of them."""
    first, other = make_client(exclusive=True), make_client(exclusive=True, max_retries=0)
    made = await first.videos.create(CONTEXT, TEMPLATE)
    sandbox.faults.add("POST /videos", "drop_before")

    with pytest.raises(errors.NetworkError) as raised:
        await other.videos.create(CONTEXT, TEMPLATE)

    assert not isinstance(raised.value, errors.AmbiguousCreateError)  # absence is proven: the only video is the first's
    assert raised.value.not_accepted
    assert (await other.videos.create(CONTEXT, TEMPLATE)).id != made.id


async def test_creates_of_a_template_take_turns_in_all_processes(sandbox: Sandbox, make_client: MakeClient) -> None:
    """Two that are lost at once are both found: never is more than one of them open."""
    clients = [make_client(exclusive=True, max_retries=0) for _ in range(3)]
    sandbox.faults.add("POST /videos", "drop_after", times=3)

    made = await asyncio.gather(*(client.videos.create(CONTEXT, TEMPLATE) for client in clients))

    assert len({video.id for video in made}) == 3
    assert sandbox.state()["billed"] == 3


async def test_a_turn_is_waited_for_until_the_deadline(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """Another process is in the middle of a create; nothing is sent, and another template is free."""
    first, other = make_client(max_retries=0), make_client(deadline=0.3)
    sandbox.faults.add("POST /videos", "silent")
    creating = asyncio.ensure_future(first.videos.create(CONTEXT, TEMPLATE))
    while sandbox.state()["billed"] == 0:
        await asyncio.sleep(0.01)

    with pytest.raises(errors.RequestTimeoutError, match="did not get its turn"):
        await other.videos.create(CONTEXT, TEMPLATE)
    await other.videos.create(CONTEXT, "meme-dialogue")

    creating.cancel()
    await asyncio.gather(creating, return_exceptions=True)
    assert sandbox.state()["billed"] == 2


async def test_the_create_of_a_dead_process_is_settled_before_the_next_one(
    sandbox: Sandbox, make_client: MakeClient, let_die: Callable[[], None], postgres: str, postgres_server: Any
) -> None:
    """Its video is recorded as its own, and the next create makes another one."""
    dead = make_client(on_ambiguous="raise")
    sandbox.faults.add("POST /videos", "drop_after")
    with pytest.raises(errors.AmbiguousCreateError):
        await dead.videos.create(CONTEXT, TEMPLATE)
    let_die()

    made = await make_client(exclusive=True).videos.create(CONTEXT, TEMPLATE)

    recorded = postgres_server.fetch(postgres, "SELECT video_id, outcome FROM bluma_intents ORDER BY id")
    assert [outcome for _, outcome in recorded] == ["billed", "billed"]
    assert recorded[1][0] == made.id != recorded[0][0]
    assert sandbox.state()["billed"] == 2


async def test_settle_settles_the_creates_of_dead_processes_too(
    sandbox: Sandbox, make_client: MakeClient, let_die: Callable[[], None]
) -> None:
    """One result for each; afterwards there is nothing to settle."""
    dead = make_client(on_ambiguous="raise")
    sandbox.faults.add("POST /videos", "drop_after")
    with pytest.raises(errors.AmbiguousCreateError):
        await dead.videos.create(CONTEXT, TEMPLATE)
    let_die()
    other = make_client(exclusive=True)

    settled = await other.settle()

    assert [(one.result, one.video is not None) for one in settled] == [("accepted", True)]
    assert await other.settle() == []
    assert (await dead.settle())[0].video == settled[0].video


async def test_a_frozen_process_sends_nothing_after_its_create_was_taken_over(
    sandbox: Sandbox, make_client: MakeClient, let_die: Callable[[], None]
) -> None:
    """It was about to send its second attempt when another process proved that the first one was not accepted."""
    wakes, frozen_at = asyncio.Event(), asyncio.Event()

    async def freeze(_: Any) -> None:
        frozen_at.set()
        await wakes.wait()

    frozen = make_client(on_retry=freeze, on_ambiguous="retry")
    sandbox.faults.add("POST /videos", "drop_before")
    creating = asyncio.ensure_future(frozen.videos.create(CONTEXT, TEMPLATE, key="task-1"))
    await frozen_at.wait()
    let_die()
    made = await make_client().videos.create(CONTEXT, TEMPLATE, key="task-1")
    wakes.set()

    assert (await creating).id == made.id
    assert sandbox.state()["billed"] == 1


async def test_a_create_beside_a_journal_settles_a_job_that_was_left_open(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, let_die: Callable[[], None]
) -> None:
    """Its turn is free then; the job is planned again, and a run creates it."""
    client = make_client()
    batch = client.batch(postgres)
    await batch.submit(make_rows(1))
    await leave_open(postgres, "k0", utc_now(), settles_after=1.0)
    let_die()

    await client.videos.create(CONTEXT, TEMPLATE)

    assert [str(result.state) async for result in batch.results()] == ["planned"]
    assert sandbox.state()["billed"] == 1


async def test_a_batch_settles_a_create_beside_its_journal(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, let_die: Callable[[], None]
) -> None:
    """A dead process without a journal has left the turn of the template."""
    dead = make_client(on_ambiguous="raise")
    sandbox.faults.add("POST /videos", "drop_before")
    with pytest.raises(errors.AmbiguousCreateError):
        await dead.videos.create(CONTEXT, TEMPLATE)
    let_die()
    batch = make_client().batch(postgres, poll_interval=0.05)
    running = asyncio.ensure_future(run_all(batch, make_rows(1)))
    while sandbox.state()["billed"] == 0:
        await asyncio.sleep(0.02)
    await sandbox.advance(105)

    assert [str(result.state) for result in await running] == ["rendered"]


async def test_a_batch_in_a_file_takes_part_too(sandbox: Sandbox, make_client: MakeClient, tmp_path: Path) -> None:
    """A run that was killed between the two records finds its video in the database, and is billed once."""
    client = make_client()
    batch = client.batch(tmp_path / "j.sqlite", poll_interval=0.05)
    from bluma_async.stores.sqlite.jobs import SQLiteJobStore

    real = SQLiteJobStore.bill

    async def die(*_: Any, **__: Any) -> Any:
        raise errors.BlumaError("the disk is full")

    SQLiteJobStore.bill = die  # type: ignore[method-assign]  # the crash
    try:
        await run_all(batch, make_rows(1))
    finally:
        SQLiteJobStore.bill = real  # type: ignore[method-assign]  # as it was
    await sandbox.advance(105)
    from bluma_async._session.evidence import registry

    registry._by_account.clear()  # another process has no memory of it

    results = await run_all(make_client().batch(tmp_path / "j.sqlite", poll_interval=0.05))

    assert [str(result.state) for result in results] == ["rendered"]
    assert sandbox.state()["billed"] == 1


@pytest.mark.timeout(60)  # a process starts in real time
async def test_a_task_that_was_killed_during_its_request_is_billed_once(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, let_die: Callable[[], None]
) -> None:
    """Kill -9 between the POST and its answer; the task is delivered again, and continues with its video."""
    await sandbox.advance(60)  # its clock stands still while the process starts: a video would seem older than its task
    sandbox.faults.add("POST /videos", "silent")
    environment = {"PYTHONPATH": str(ROOT), "BLUMA_API_KEY": sandbox.live_key, "BLUMA_BASE_URL": sandbox.base_url}
    command = [sys.executable, "-c", TASK.format(url=postgres)]
    task = await asyncio.to_thread(subprocess.Popen, command, env={**os.environ, **environment})
    while sandbox.state()["billed"] == 0:
        assert task.poll() is None
        await asyncio.sleep(0.02)
    task.send_signal(signal.SIGKILL)
    await asyncio.to_thread(task.wait)
    let_die()
    await sandbox.advance(105)

    done = await make_client(exclusive=True).videos.generate(CONTEXT, TEMPLATE, key="task-1")

    assert (done.status, sandbox.state()["billed"]) == ("completed", 1)


async def test_a_paid_video_is_returned_although_it_cannot_be_recorded_and_is_recorded_later(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    """The database is lost between the request and the record: the answer can neither be checked nor recorded."""
    clock = FakeClock()
    client = make_client(clock=clock)
    await client.videos.list()
    database = client._session.coordinator._membership.find()._member.database  # type: ignore[union-attr]  # it has one
    real, lost = database.do, []

    async def lose(action: Any, **options: Any) -> Any:
        if sandbox.state()["billed"] and len(lost) < 2:
            lost.append(action)
            raise errors.BlumaError("The database is lost.")
        return await real(action, **options)

    database.do = lose

    made = await client.videos.create(CONTEXT, TEMPLATE, key="task-1")
    while 5.0 not in clock.slept:
        await asyncio.sleep(0.01)
    again = await make_client().videos.create(CONTEXT, TEMPLATE, key="task-1")

    assert len(lost) == 2
    assert (again.id, sandbox.state()["billed"]) == (made.id, 1)


async def test_a_living_process_loses_a_create_that_it_never_records(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """Otherwise the template would have no turn as long as that process lives."""
    other = make_client(deadline=5)
    await other.videos.create(CONTEXT, "meme-dialogue")
    stuck = await PostgresJobStore.open(postgres, to_write=True)
    creates = find_creates(stuck)
    assert creates is not None
    turn = await creates.begin(WantedCreate("k", TEMPLATE, None, "x", utc_now(), 35.0))
    assert turn.kind is TurnKind.BEGUN
    with pytest.raises(errors.RequestTimeoutError):
        await make_client(deadline=0.5).videos.create(CONTEXT, TEMPLATE)
    postgres_server.fetch(postgres, "UPDATE bluma_intents SET sent_at = sent_at - interval '10 min' RETURNING 1")

    await other.videos.create(CONTEXT, TEMPLATE)

    assert not await creates.touch(turn.number)
    assert sandbox.state()["billed"] == 2
    await stuck.close()

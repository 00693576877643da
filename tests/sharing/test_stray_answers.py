"""Answers to creates that may belong to another create, of this process or of another one."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Callable, List

import attrs
import pytest

from bluma_async import errors
from bluma_async.resources._creates import certain
from bluma_async.sandbox import Sandbox
from bluma_async.stores.jobs import Conflict, Intent, Job, StoredJob
from bluma_async.stores.postgres.creates import PostgresCreates
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.types import Video
from bluma_async.types._model import utc_now
from tests.postgres import PostgresServer
from tests.sharing.conftest import CONTEXT, TEMPLATE, MakeClient
from tests.sharing.test_interruptions import AGE, lose

INTENTS = "SELECT name, outcome, video_id FROM bluma_intents ORDER BY id"


def before_answers(patch: pytest.MonkeyPatch, act: Callable[[Video], Any]) -> None:
    """Do something before the first answer to a create is looked at; a video that it returns takes its place."""
    real, answers = certain.accept_answer, iter([True])

    async def accept(session: Any, call: Any, video: Video, answer: Any) -> None:
        acts = next(answers, False)
        await real(session, call, (await act(video) or video) if acts else video, answer)

    patch.setattr(certain, "accept_answer", accept)


async def test_the_answer_of_another_process_is_not_believed(sandbox: Sandbox, make_client: MakeClient) -> None:
    """A proxy in between answered with the video of another process; the create's own is searched for, and found."""
    first, other = make_client(), make_client(exclusive=True)
    made = await first.videos.create(CONTEXT, TEMPLATE)
    sandbox.faults.add("POST /videos", "stray_answer")

    own = await other.videos.create(CONTEXT, TEMPLATE)

    assert own.id != made.id
    assert sandbox.state()["billed"] == 2


@pytest.mark.parametrize("exclusive", [False, True])
async def test_a_create_in_doubt_does_not_refuse_its_own_video(
    sandbox: Sandbox, make_client: MakeClient, let_die: Any, monkeypatch: pytest.MonkeyPatch, exclusive: bool
) -> None:
    """Another process has taken the create over, and found its video without evidence; then its process wakes up."""
    frozen, other = make_client(exclusive=exclusive), make_client()

    async def take_over(_: Video) -> None:
        let_die()
        with pytest.raises(errors.AmbiguousCreateError):
            await other.videos.create(CONTEXT, TEMPLATE, key="task-1")

    before_answers(monkeypatch, take_over)
    made = await frozen.videos.create(CONTEXT, TEMPLATE, key="task-1")

    assert (await other.videos.create(CONTEXT, TEMPLATE, key="task-1")).id == made.id
    assert sandbox.state()["billed"] == 1


async def test_a_refused_answer_stays_a_candidate_of_an_earlier_create(
    sandbox: Sandbox, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That one is in doubt. The process that refused the answer does not send it again."""
    doubting, other = make_client(max_retries=0), make_client(exclusive=True)
    sandbox.faults.add("POST /videos", "drop_after")
    with pytest.raises(errors.AmbiguousCreateError) as raised:
        await doubting.videos.create(CONTEXT, TEMPLATE, key="task-1")
    candidate = raised.value.candidates[0]

    async def swap(video: Video) -> Video:
        return attrs.evolve(video, id=candidate.id)

    before_answers(monkeypatch, swap)
    second = await other.videos.create(CONTEXT, TEMPLATE, key="task-2")
    with pytest.raises(errors.AmbiguousCreateError) as again:
        await other.videos.create(CONTEXT, TEMPLATE, key="task-1")

    assert [video.id for video in again.value.candidates] == [candidate.id]
    assert second.id != candidate.id
    assert sandbox.state()["billed"] == 2


async def test_a_video_is_recorded_for_one_key(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer, monkeypatch: Any
) -> None:
    """The records could not be read as the stray answer came. The create stays open, and its own video is found."""
    first, other = make_client(), make_client(exclusive=True)
    made = await first.videos.create(CONTEXT, TEMPLATE, key="task-1")

    async def fail(*_: Any) -> bool:
        raise errors.BlumaError("The database is lost.")

    monkeypatch.setattr(PostgresCreates, "is_anothers", fail)
    sandbox.faults.add("POST /videos", "stray_answer")
    creating = asyncio.ensure_future(other.videos.create(CONTEXT, TEMPLATE, key="task-2"))
    while postgres_server.fetch(postgres, "SELECT count(*) FROM bluma_intents WHERE epoch = 0") == [(0,)]:
        await asyncio.sleep(0.01)
    recorded = postgres_server.fetch(postgres, INTENTS)
    postgres_server.fetch(postgres, AGE)

    own = await creating

    assert recorded == [("task-1", "billed", made.id), ("task-2", None, None)]
    assert (own.id != made.id, sandbox.state()["billed"]) == (True, 2)


async def test_a_job_whose_outcome_is_refused_is_left_to_every_process(
    make_client: MakeClient, postgres: str, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise every create of its template would wait as long as the process lives that has claimed it."""
    made = await make_client().videos.create(CONTEXT, TEMPLATE)
    store = await PostgresJobStore.open(postgres, to_write=True)
    await store.plan(Job("k", json.dumps({"template_id": TEMPLATE}), TEMPLATE, None, "row"))
    await store.intend(1, Intent("q", utc_now(), store.sharing.epoch, 2, 0.0))  # type: ignore[union-attr]  # it shares
    await store.close()

    async def find(*_: Any) -> Video:
        return made

    monkeypatch.setattr(certain.CertainCreate, "reconcile", find)
    with pytest.raises(errors.BlumaError, match="unknown outcome"):
        await make_client(deadline=1.0).videos.create(CONTEXT, TEMPLATE)

    assert postgres_server.fetch(postgres, "SELECT state, holder FROM bluma_jobs") == [("creating", None)]


@pytest.mark.parametrize("is_another_client", [False, True])
async def test_settle_does_not_take_the_video_of_a_create_of_another_process(
    sandbox: Sandbox,
    make_client: MakeClient,
    postgres: str,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    is_another_client: bool,
) -> None:
    """That one has settled the interrupted create, and waits for its own answer; any client of the process settles."""
    interrupted, other = make_client(exclusive=True), make_client(exclusive=True)
    settler = interrupted.with_options(max_retries=1) if is_another_client else interrupted
    await lose(interrupted, sandbox, "task-1")
    postgres_server.fetch(postgres, AGE)
    settled: List[Any] = []

    async def settle(_: Video) -> None:
        settled.extend(await settler.settle())

    before_answers(monkeypatch, settle)
    made = await other.videos.create(CONTEXT, TEMPLATE, key="task-2")

    assert [one.video is not None and one.video.id == made.id for one in settled] == [False]
    assert sandbox.state()["billed"] == 2


async def test_settle_leaves_the_next_attempt_alone(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer, monkeypatch: Any
) -> None:
    """Another process has proven that the first one was not accepted; the key is created again, by this process."""
    client, other = make_client(exclusive=True, max_retries=0), make_client(exclusive=True)
    await client.videos.create(CONTEXT, "meme-dialogue")
    sandbox.faults.add("POST /videos", "drop_before")
    searching = asyncio.Event()

    async def hang(*_: Any) -> None:
        searching.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(certain.CertainCreate, "reconcile", hang)
        creating = asyncio.ensure_future(client.videos.create(CONTEXT, TEMPLATE, key="task-1"))
        await searching.wait()
        creating.cancel()
        await asyncio.wait([creating])
    postgres_server.fetch(postgres, AGE)
    creates = await other._session.coordinator.creates()  # type: ignore[union-attr]  # it shares
    lost = await creates.claim_lost()
    await creates.release(lost.number)

    async def settle(_: Video) -> None:
        assert [one.result for one in await client.settle()] == ["not_accepted"]

    before_answers(monkeypatch, settle)
    made = await client.videos.create(CONTEXT, TEMPLATE, key="task-1")

    assert (await other.videos.create(CONTEXT, TEMPLATE, key="task-1")).id == made.id
    assert sandbox.state()["billed"] == 2


async def test_a_late_answer_to_a_released_create_is_recorded(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """The key has its video then, and does not buy another one."""
    client = make_client()
    made = await client.videos.create(CONTEXT, TEMPLATE, key="task-1")
    released = "UPDATE bluma_intents SET outcome = 'released', video_id = NULL RETURNING id"
    number = postgres_server.fetch(postgres, released)[0][0]

    await (await client._session.coordinator.creates()).bill(number, made.id, 2)  # type: ignore[union-attr]  # it shares

    assert (await client.videos.create(CONTEXT, TEMPLATE, key="task-1")).id == made.id
    assert sandbox.state()["billed"] == 1


async def test_a_stray_whose_video_a_create_without_a_job_has_is_settled(
    make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """Its job can be released, and is not given the video of the other create."""
    made = await make_client().videos.create(CONTEXT, TEMPLATE)
    store = await PostgresJobStore.open(postgres, to_write=True)
    await store.plan(Job("k", json.dumps({"template_id": "t"}), "t", None, "row"))
    await store.intend(1, Intent("q", utc_now(), store.sharing.epoch, 2, 0.0))  # type: ignore[union-attr]  # it shares
    columns, values = "place, request_key, video_id, charged, epoch", f"1, 'q', '{made.id}', 2, 9"
    postgres_server.fetch(postgres, f"INSERT INTO bluma_strays ({columns}) VALUES ({values}) RETURNING 1")

    billed, released = await store.bill(1, made.id, 2, request_key="q"), await store.release(1, "it was not accepted")

    assert isinstance(billed, Conflict)
    assert isinstance(released, StoredJob)
    await store.close()


async def interrupt(client: Any, sandbox: Sandbox, key: str, fault: str) -> None:
    """Let a client be cancelled as it searches for the video of a create."""
    sandbox.faults.add("POST /videos", fault)
    searching = asyncio.Event()

    async def hang(*_: Any) -> None:
        searching.set()
        await asyncio.Event().wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certain.CertainCreate, "reconcile", hang)
        creating = asyncio.ensure_future(client.videos.create(CONTEXT, TEMPLATE, key=key))
        await searching.wait()
        creating.cancel()
        await asyncio.wait([creating])


async def doubt(client: Any, sandbox: Sandbox, key: str) -> None:
    """Let a create be accepted, and its list be unreadable."""
    sandbox.faults.add("POST /videos", "not_json")
    sandbox.faults.add("GET /videos", "status", times=None, status=500)
    with pytest.raises(errors.AmbiguousCreateError):
        await client.videos.create(CONTEXT, TEMPLATE, key=key)
    sandbox.faults.clear()


async def test_settle_does_not_take_the_video_of_a_create_in_doubt_without_candidates(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    """It may be that one's: its list could not be read. The interrupted create was never accepted."""
    interrupted, doubting = (make_client(exclusive=True, max_retries=0) for _ in range(2))
    await doubt(doubting, sandbox, "task-2")
    await interrupt(interrupted, sandbox, "task-1", "drop_before")

    settled = await interrupted.settle()

    assert [(one.result, one.video) for one in settled] == [("in_doubt", None)]


async def test_what_settle_cannot_tell_now_it_can_tell_later(sandbox: Sandbox, make_client: MakeClient) -> None:
    """A create of another process was under way; afterwards one video is left."""
    doubting, other = (make_client(exclusive=True, max_retries=0) for _ in range(2))
    await doubt(doubting, sandbox, "task-1")
    during: List[Any] = []

    async def settle(_: Video) -> None:
        during.extend(await doubting.settle())

    with pytest.MonkeyPatch.context() as patch:
        before_answers(patch, settle)
        made = await other.videos.create(CONTEXT, TEMPLATE, key="task-2")
    settled = await doubting.settle()

    assert [one.result for one in during] == ["in_doubt"]
    assert [(one.result, one.video is not None and one.video.id != made.id) for one in settled] == [("accepted", True)]


async def test_a_video_that_settle_finds_is_recorded_whatever_others_concluded(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """The list of another process lagged, and it released the create. The key has its video all the same."""
    client, other = (make_client(exclusive=True) for _ in range(2))
    await client.videos.create(CONTEXT, "meme-dialogue")
    await lose(client, sandbox, "task-1")
    real = certain.CertainCreate.reconcile

    async def reconcile(*given: Any) -> Any:
        found = await real(*given)
        postgres_server.fetch(postgres, "UPDATE bluma_intents SET outcome = 'released' WHERE id = 2 RETURNING 1")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certain.CertainCreate, "reconcile", reconcile)
        settled = await client.settle()

    assert [one.video is not None and one.video.id for one in settled] == [
        (await other.videos.create(CONTEXT, TEMPLATE, key="task-1")).id
    ]
    assert sandbox.state()["billed"] == 2


async def test_settle_records_that_a_create_was_accepted(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """Otherwise a process that finds no video later would send it again."""
    client = make_client(max_retries=0)
    await interrupt(client, sandbox, "task-1", "not_json")

    settled = await client.settle()

    assert [one.result for one in settled] == ["in_doubt"]
    assert postgres_server.fetch(postgres, "SELECT outcome, is_accepted FROM bluma_intents") == [("doubt", True)]


async def test_a_create_whose_video_was_refused_is_in_doubt_after_its_deadline(
    sandbox: Sandbox, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was sent and billed; nothing says that it was not."""
    first, other = make_client(), make_client(deadline=0.5)
    await first.videos.create(CONTEXT, TEMPLATE)

    async def fail(*_: Any) -> bool:
        raise errors.BlumaError("The database is lost.")

    monkeypatch.setattr(PostgresCreates, "is_anothers", fail)
    sandbox.faults.add("POST /videos", "stray_answer")

    with pytest.raises(errors.AmbiguousCreateError, match="was sent, and may have been accepted") as raised:
        await other.videos.create(CONTEXT, TEMPLATE)

    assert "Nothing was sent" not in str(raised.value)
    assert sandbox.state()["billed"] == 2


async def test_a_create_without_a_key_and_without_evidence_ends_in_doubt(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer, monkeypatch: Any
) -> None:
    """Its video was refused, and the search finds one that may be its own: it is not searched for again and again."""
    first, other = make_client(), make_client()
    await first.videos.create(CONTEXT, TEMPLATE)

    async def fail(*_: Any) -> bool:
        raise errors.BlumaError("The database is lost.")

    monkeypatch.setattr(PostgresCreates, "is_anothers", fail)
    sandbox.faults.add("POST /videos", "stray_answer")
    creating = asyncio.ensure_future(other.videos.create(CONTEXT, TEMPLATE))
    while postgres_server.fetch(postgres, "SELECT count(*) FROM bluma_intents WHERE epoch = 0") == [(0,)]:
        await asyncio.sleep(0.01)
    postgres_server.fetch(postgres, AGE)

    with pytest.raises(errors.AmbiguousCreateError) as raised:
        await creating

    assert len(raised.value.candidates) == 1


async def test_settle_records_that_a_create_was_accepted_although_it_cannot_be_searched_for(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """It stays open, and the process that settles it later knows that it was billed."""
    client = make_client(max_retries=0)
    await interrupt(client, sandbox, "task-1", "not_json")
    sandbox.faults.add("GET /videos", "status", times=None, status=500)

    settled = await client.settle()

    assert [one.result for one in settled] == ["in_doubt"]
    assert postgres_server.fetch(postgres, "SELECT outcome, is_accepted FROM bluma_intents") == [(None, True)]

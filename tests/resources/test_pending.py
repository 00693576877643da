"""`reuse="content"`: a create of another program whose outcome is not known is settled before its content is bought."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncGenerator, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._runtime.file_lock import FileLock
from bluma_async._runtime.state_folder import find_state_folder
from bluma_async._runtime.threads import in_thread
from bluma_async._wire.content import hash_content
from bluma_async.resources._creates.pending import begin_pending
from bluma_async.resources._creates.reuse import FILE, ContentReuse, open_index
from bluma_async.sandbox import Sandbox
from bluma_async.stores.contents import ContentIndex
from tests.batch.helpers import forget_process
from tests.fakes import answer, client_with

CONTEXT = {"prompt": "Explain why the sky is blue"}
TEMPLATE = "ugc-text-overlay"


@pytest.fixture
def thrifty(client: AsyncBluma) -> AsyncBluma:
    """Give a client that reuses videos."""
    return client.with_options(reuse="content", max_retries=0)


def hash_of(context: Any = CONTEXT) -> str:
    """Return the hash of a content."""
    return hash_content({"template_id": TEMPLATE, "context": context}) or ""


async def list_keys(client: AsyncBluma) -> List[str]:
    """Return the keys of the recorded creates."""
    return [create.request_key for create in await ContentReuse(client._session).list_pending()]


async def lose_create(sandbox: Sandbox, client: AsyncBluma, action: str, context: Any = CONTEXT) -> str:
    """End a program whose create had no answer, and return its key."""
    sandbox.faults.add("POST /videos", action, times=1)
    with pytest.raises(errors.AmbiguousCreateError) as lost:
        await client.with_options(on_ambiguous="raise", exclusive=False).videos.create(context, TEMPLATE)
    forget_process(client)
    return lost.value.idempotency_key or ""


async def test_the_next_program_does_not_buy_what_may_have_been_bought(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """Its create names the first one, its begin and its candidates, and sends nothing; so does each later one."""
    key = await lose_create(sandbox, thrifty, "drop_after")

    for _ in range(2):
        with pytest.raises(errors.AmbiguousCreateError, match=r"earlier create .*began at 20.*settle\(\)") as caught:
            await thrifty.videos.create(CONTEXT, TEMPLATE)
        forget_process(thrifty)

    doubt = caught.value
    assert (doubt.idempotency_key, len(doubt.candidates), doubt.accepted) == (key, 1, False)
    assert doubt.started_at is not None
    assert (sandbox.state()["billed"], await list_keys(thrifty)) == (1, [key])


def fail(*_: object, **__: object) -> None:
    """Fail as an index that another program has locked."""
    raise errors.BlumaError("database is locked")


async def test_the_next_program_adopts_no_video(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """Also with `exclusive`: its program may have ended long ago, and a create without `reuse` made the video since."""
    mine = thrifty.with_options(exclusive=True)
    key = await lose_create(sandbox, mine, "drop_before")
    other = await mine.with_options(reuse=None).videos.create({"prompt": "another content"}, TEMPLATE)
    forget_process(mine)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await mine.videos.create(CONTEXT, TEMPLATE)

    assert [video.id for video in caught.value.candidates] == [other.id]
    assert (sandbox.state()["billed"], await list_keys(mine)) == (1, [key])


async def test_the_next_program_proves_the_absence(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """A create that was not accepted is bought once."""
    mine = thrifty.with_options(exclusive=True)
    await lose_create(sandbox, mine, "drop_before")

    video = await mine.videos.create(CONTEXT, TEMPLATE)

    assert (video.reused, sandbox.state()["billed"], await list_keys(mine)) == (False, 1, [])
    assert await ContentReuse(mine._session).find_known([hash_of()]) == {hash_of(): video.id}


async def test_a_refused_retry_keeps_the_doubt(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """Whoever accepted a second bill bought nothing; the next create has not accepted one."""
    key = await lose_create(sandbox, thrifty, "drop_after")
    sandbox.faults.add("POST /videos", "status", status=402)
    with pytest.raises(errors.InsufficientCreditsError):
        await thrifty.with_options(on_ambiguous="retry").videos.create(CONTEXT, TEMPLATE)

    with pytest.raises(errors.AmbiguousCreateError):
        await thrifty.videos.create(CONTEXT, TEMPLATE)

    assert (sandbox.state()["billed"], await list_keys(thrifty)) == (1, [key])


async def test_a_video_that_could_not_be_recorded_is_not_bought_again(
    sandbox: Sandbox, thrifty: AsyncBluma, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process knows it, and records it with the next create of the content."""
    with monkeypatch.context() as broken:
        broken.setattr(ContentIndex, "record", fail)
        made = await thrifty.videos.create(CONTEXT, TEMPLATE)
    again = await thrifty.videos.create(CONTEXT, TEMPLATE)

    assert (again.id, again.reused, sandbox.state()["billed"]) == (made.id, True, 1)
    assert await list_keys(thrifty) == []


async def test_a_program_that_was_killed_before_its_request_blocks_nothing() -> None:
    """Its create is absent after `settle_time`, counted from now: its record goes, and the content is bought."""
    nothing = answer(200, {"videos": [], "pagination": {"total": 0, "total_pages": 0}})
    bought = answer(202, {"id": "batch_1", "status": "queued", "template_id": TEMPLATE})
    client, transport, clock = client_with(nothing, nothing, bought, reuse="content", settle_time=30.0)
    await begin_pending(client._session, hash_of(), "killed", TEMPLATE)

    video = await client.videos.create(CONTEXT, TEMPLATE)

    assert (video.id, video.reused, await list_keys(client)) == ("batch_1", False, [])
    assert clock.now() >= 30.0
    assert transport.sent[-1] == "POST /videos"


async def test_a_deadline_without_time_for_the_proof_buys_nothing(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """It bounds the search, and the record stays."""
    key = await lose_create(sandbox, thrifty, "drop_before")

    with pytest.raises(errors.AmbiguousCreateError):
        await thrifty.with_options(deadline=5.0, settle_time=30.0).videos.create(CONTEXT, TEMPLATE)

    assert (sandbox.state()["billed"], await list_keys(thrifty)) == (0, [key])


async def test_retry_accepts_a_second_bill(sandbox: Sandbox, thrifty: AsyncBluma, caplog: Any) -> None:
    """The option says so; the new create takes the place of the old one, and its video is reused."""
    await lose_create(sandbox, thrifty, "drop_after")
    retrying = thrifty.with_options(on_ambiguous="retry")

    video = await retrying.videos.create(CONTEXT, TEMPLATE)
    again = await thrifty.videos.create(CONTEXT, TEMPLATE)

    assert (video.reused, again.id, sandbox.state()["billed"]) == (False, video.id, 2)
    assert "is in doubt. It is bought again." in caplog.text
    assert await list_keys(thrifty) == []


async def test_an_accepted_create_is_never_bought_again(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """Not with "retry" either: the program before was told that it is billed."""
    key = await lose_create(sandbox, thrifty, "truncate")

    with pytest.raises(errors.AmbiguousCreateError, match="was accepted and billed") as caught:
        await thrifty.with_options(on_ambiguous="retry").videos.create(CONTEXT, TEMPLATE)

    assert (caught.value.accepted, sandbox.state()["billed"], await list_keys(thrifty)) == (True, 1, [key])


async def test_a_refused_or_unsent_create_leaves_no_record(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """Neither one that the server refuses, nor one that is cancelled before it is sent."""
    sandbox.faults.add("POST /videos", "status", status=402, times=1)
    with pytest.raises(errors.InsufficientCreditsError):
        await thrifty.videos.create(CONTEXT, TEMPLATE)
    refused = await list_keys(thrifty)

    async def cancel(_: Any) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await thrifty.with_options(on_request=cancel).videos.create(CONTEXT, TEMPLATE)

    assert (refused, await list_keys(thrifty), sandbox.state()["billed"]) == ([], [], 0)


@pytest.mark.parametrize(("action", "result"), [("drop_after", "accepted"), ("drop_before", "not_accepted")])
async def test_a_create_stays_recorded_until_its_own_process_settles_it(
    sandbox: Sandbox, thrifty: AsyncBluma, action: str, result: str
) -> None:
    """Whatever its outcome, the record ends."""
    mine = thrifty.with_options(exclusive=True)
    sandbox.faults.add("POST /videos", action, times=1)
    with pytest.raises(errors.AmbiguousCreateError):
        await mine.with_options(on_ambiguous="raise", exclusive=False).videos.create(CONTEXT, TEMPLATE)
    recorded = await list_keys(mine)

    (settled,) = await mine.settle()

    assert (settled.result, recorded) == (result, [settled.create.idempotency_key])
    assert await list_keys(mine) == []


async def test_a_create_that_is_cancelled_in_flight_stays_recorded(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """The server may have accepted it."""
    sandbox.faults.add("POST /videos", "silent", times=1)

    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(thrifty.videos.create(CONTEXT, TEMPLATE), 0.3)

    assert await list_keys(thrifty) == [create.idempotency_key for create in thrifty.open_creates]


async def test_a_video_is_remembered_although_a_hook_ends_its_create(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """The answer has come: the next program uses the video."""

    async def fail(_: Any) -> None:
        raise ValueError("a defect of the user's")

    with pytest.raises(ValueError, match="defect"):
        await thrifty.with_options(on_response=fail).videos.create(CONTEXT, TEMPLATE)
    forget_process(thrifty)

    video = await thrifty.videos.create(CONTEXT, TEMPLATE)

    assert (video.reused, sandbox.state()["billed"], await list_keys(thrifty)) == (True, 1, [])


async def test_an_index_that_cannot_be_written_sends_nothing(
    sandbox: Sandbox, thrifty: AsyncBluma, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its record, another program would buy the content while this create is in doubt."""

    def fail(*_: Any) -> Any:
        raise errors.BlumaError("database or disk is full")

    monkeypatch.setattr(ContentIndex, "begin", fail)

    with pytest.raises(errors.BlumaError, match="disk is full"):
        await thrifty.videos.create(CONTEXT, TEMPLATE)

    assert [record.route for record in sandbox.requests if record.method == "POST"] == []


async def test_settle_determines_the_creates_of_programs_that_have_ended(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """Those that a program works on are left to it, and those of another account are not seen."""
    lost = await lose_create(sandbox, thrifty, "drop_before")
    busy = hash_of({"prompt": "Another program creates this now"})
    await begin_pending(thrifty._session, busy, "busy", TEMPLATE)
    lock = await in_thread(FileLock.acquire, find_state_folder() / f"content-{busy}.lock")
    async with AsyncBluma(sandbox.test_key, base_url=sandbox.base_url, reuse="content", settle_time=0.0) as other:
        elsewhere = await other.settle()

    (settled,) = await thrifty.settle()
    await in_thread(lock.release)

    assert (elsewhere, settled.result, settled.create.idempotency_key) == ([], "not_accepted", lost)
    assert (await list_keys(thrifty), thrifty.open_creates) == (["busy"], [])


class LateTurns:
    """Turns of contents that come when another program has bought the content."""

    def __init__(self, client: AsyncBluma) -> None:
        self.client = client

    @asynccontextmanager
    async def acquire(self, content: str, _: Any) -> AsyncGenerator[None, None]:
        """Record a video, and give the turn."""
        await ContentReuse(self.client._session).record(content, "batch_other")
        yield


async def test_settle_leaves_a_create_whose_outcome_another_program_has_recorded(
    sandbox: Sandbox, thrifty: AsyncBluma
) -> None:
    """It was in flight when the records were read."""
    await begin_pending(thrifty._session, hash_of(), "busy", TEMPLATE)
    vars(thrifty._session.shared)["_content_turns"] = LateTurns(thrifty)

    assert await thrifty.settle() == []
    assert await ContentReuse(thrifty._session).find_known([hash_of()]) == {hash_of(): "batch_other"}


async def test_two_lost_creates_of_a_template_adopt_no_video(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """Only one was accepted. Its video may be that of either, also with `exclusive`."""
    mine = thrifty.with_options(exclusive=True)
    other = {"prompt": "Another content"}
    await lose_create(sandbox, mine, "drop_after")
    await lose_create(sandbox, mine, "drop_before", other)

    with pytest.raises(errors.AmbiguousCreateError):
        await mine.videos.create(other, TEMPLATE)

    assert (sandbox.state()["billed"], len(await list_keys(mine))) == (1, 2)


async def test_videos_of_other_contents_are_explained(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """A video that the index has for another content is no candidate."""
    await lose_create(sandbox, thrifty, "drop_before")
    await thrifty.videos.create({"prompt": "Another content"}, TEMPLATE)
    forget_process(thrifty)

    video = await thrifty.videos.create(CONTEXT, TEMPLATE)

    assert (video.reused, sandbox.state()["billed"]) == (False, 2)


async def test_a_file_of_an_earlier_release_is_used(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """It has no table of pending creates; its videos stay."""
    bought = await thrifty.videos.create(CONTEXT, TEMPLATE)
    await in_thread(_drop_pending, find_state_folder() / FILE)

    again = await thrifty.videos.create(CONTEXT, TEMPLATE)
    other = await thrifty.videos.create({"prompt": "Another content"}, TEMPLATE)

    assert (again.id, other.reused, await list_keys(thrifty)) == (bought.id, False, [])


def _drop_pending(file: Path) -> None:
    database = sqlite3.connect(str(file))
    database.execute("DROP TABLE pending")
    database.close()


async def test_a_cleared_index_has_no_creates(thrifty: AsyncBluma) -> None:
    """A test of the testing kit does not wait for the creates of another one."""
    await begin_pending(thrifty._session, hash_of(), "earlier test", TEMPLATE)

    await in_thread(open_index(thrifty._session).clear)

    assert await list_keys(thrifty) == []

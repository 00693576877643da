"""`reuse="content"`: a create of the same content returns the video that was bought before."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._runtime.state_folder import find_state_folder
from bluma_async._session.evidence import registry
from bluma_async._wire.content import hash_content
from bluma_async.resources._creates.reuse import FILE, ContentReuse
from bluma_async.sandbox import Cruelty, Sandbox
from bluma_async.stores import contents
from bluma_async.stores.contents import ContentIndex
from tests.fakes import answer, client_with

CONTEXT = {"prompt": "Explain why the sky is blue"}
TEMPLATE = "ugc-text-overlay"


@pytest.fixture
def thrifty(client: AsyncBluma) -> AsyncBluma:
    """Give a client that reuses videos."""
    return client.with_options(reuse="content")


async def test_the_same_content_is_bought_once(sandbox: Sandbox, thrifty: AsyncBluma, caplog: Any) -> None:
    """The second create returns the first one's video, says so, and buys nothing; also while it still renders."""
    caplog.set_level(logging.INFO, "bluma")
    first = await thrifty.videos.create(CONTEXT, TEMPLATE, options={"resolution": "4k"})
    rendering = await thrifty.videos.create(CONTEXT, TEMPLATE, options={"resolution": "4k"})
    await sandbox.advance(105)
    finished = await thrifty.videos.create(
        dict(CONTEXT), TEMPLATE, webhook_url="https://x/y", options={"resolution": "4k"}
    )

    assert first.id == rendering.id == finished.id
    assert [video.reused for video in (first, rendering, finished)] == [False, True, True]
    assert finished.status == "completed"
    assert sandbox.state()["billed"] == 1
    assert f"Video {first.id} was bought before for the same content, and is reused." in caplog.messages


async def test_generate_and_a_handle_say_that_a_video_was_reused(quick: Sandbox, thrifty: AsyncBluma) -> None:
    """It is a fact of the call, which later reads of the video do not show; another wait for the video has it not."""
    bought = await thrifty.videos.generate(CONTEXT, TEMPLATE)
    generated = await thrifty.videos.generate(CONTEXT, TEMPLATE)
    job = await thrifty.videos.start(CONTEXT, TEMPLATE)
    stored = thrifty.videos.job(job.to_json())

    states = [await job.wait(), await stored.refresh(), *[state async for state in stored.events()]]

    assert (bought.reused, generated.reused, quick.state()["billed"]) == (False, True, 1)
    assert [state.reused for state in states] == [True] * len(states)
    assert stored.video is states[-1]
    assert not (await thrifty.videos.wait_for(bought)).reused


@pytest.mark.parametrize(
    "change",
    [
        {"context": {"prompt": "Explain why the sky is red"}},
        {"template_id": "cat-explainer-v2"},
        {"options": {"resolution": "1080p"}},
        {"options": {"watermark": False}},
    ],
)
async def test_another_content_is_bought(sandbox: Sandbox, thrifty: AsyncBluma, change: Any) -> None:
    """Every argument that decides what is rendered belongs to the content."""
    same: Any = {"context": CONTEXT, "template_id": TEMPLATE}
    await thrifty.videos.create(**same)

    video = await thrifty.videos.create(**{**same, **change})

    assert (video.reused, sandbox.state()["billed"]) == (False, 2)


async def test_it_is_off_by_default(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Without the option, the same content is bought again, and nothing is written."""
    for _ in range(2):
        await client.videos.create(CONTEXT, TEMPLATE)

    assert sandbox.state()["billed"] == 2
    assert not (find_state_folder() / FILE).exists()


async def test_another_process_and_another_account(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """The index is a file, so a later process finds the video; a video of another key is not found."""
    first = await thrifty.videos.create(CONTEXT, TEMPLATE)
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, reuse="content") as later:
        again = await later.videos.create(CONTEXT, TEMPLATE)
    async with AsyncBluma(sandbox.test_key, base_url=sandbox.base_url, reuse="content") as other:
        tested = await other.videos.create(CONTEXT, TEMPLATE)

    assert (again.id, again.reused) == (first.id, True)
    assert (tested.id != first.id, tested.reused) == (True, False)


@pytest.mark.parametrize(
    ("context", "options"),
    [({}, {"resolution": "720p"}), ({"custom_data": {"size": 1.0}}, None), ({"brand_id": None}, None)],
)
async def test_a_default_that_is_written_out_is_the_same_content(
    sandbox: Sandbox, thrifty: AsyncBluma, context: Any, options: Any
) -> None:
    """The default resolution is the same as none, 1.0 is the number 1, and null is the same as a missing name."""
    whole = {"custom_data": {"size": 1}} if "custom_data" in context else {}
    first = await thrifty.videos.create({**CONTEXT, **whole}, TEMPLATE)

    again = await thrifty.videos.create({**CONTEXT, **context}, TEMPLATE, options=options)

    assert (again.id, again.reused, sandbox.state()["billed"]) == (first.id, True, 1)


async def test_a_failed_video_is_bought_again(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """Its credits were refunded, so it was not bought."""
    failing = {"prompt": "Explain [fail]"}
    first = await thrifty.videos.create(failing, TEMPLATE)
    await sandbox.advance(105)

    second = await thrifty.videos.create(failing, TEMPLATE)

    assert (second.id != first.id, second.reused, sandbox.state()["billed"]) == (True, False, 2)


async def test_a_deleted_video_is_bought_again(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """The index remembers the new one from then on."""
    content = hash_content({"template_id": TEMPLATE, "context": CONTEXT}) or ""
    reuse = ContentReuse(thrifty._session)
    await reuse.record_older({content: "batch_gone"})

    bought = await thrifty.videos.create(CONTEXT, TEMPLATE)

    assert not bought.reused
    assert await reuse.find_known([content]) == {content: bought.id}


async def test_creates_of_one_content_at_once_buy_one_video(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """They follow each other; creates of other contents do not wait."""
    videos = await asyncio.gather(*(thrifty.videos.create(CONTEXT, TEMPLATE) for _ in range(10)))

    assert (len({video.id for video in videos}), sandbox.state()["billed"]) == (1, 1)
    assert thrifty._session.shared.content_turns._queues.get() == {}


async def test_a_variant_is_never_reused(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """The settings of a variant can change."""
    variant = await thrifty.variants.create(TEMPLATE, "mine")
    for _ in range(2):
        await thrifty.videos.create(CONTEXT, variant_id=variant.id)

    assert sandbox.state()["billed"] == 2


async def test_an_index_that_cannot_be_read_buys_nothing(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """Before the create, the error says which file; nothing was bought."""
    file = find_state_folder() / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"this is not a database" * 100)

    with pytest.raises(errors.BlumaError, match=r"contents\.sqlite.*leave out reuse"):
        await thrifty.videos.create(CONTEXT, TEMPLATE)

    assert sandbox.state()["billed"] == 0


async def test_a_paid_video_is_returned_also_if_it_cannot_be_remembered(
    sandbox: Sandbox, thrifty: AsyncBluma, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """After the create, a full disk is logged, and not raised."""

    def fail(*_: Any, **__: Any) -> Any:
        raise errors.BlumaError("database or disk is full")

    monkeypatch.setattr(ContentIndex, "record", fail)

    video = await thrifty.videos.create(CONTEXT, TEMPLATE)

    assert (video.reused, sandbox.state()["billed"]) == (False, 1)
    assert "A video that was bought cannot be reused later" in caplog.text


async def test_a_video_that_cannot_be_read_now_is_not_bought_again(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """If the known video cannot be read, the error is raised: the video may exist."""
    await thrifty.videos.create(CONTEXT, TEMPLATE)
    sandbox.faults.add("GET /videos/{id}", "status", status=500, times=None)

    with pytest.raises(errors.ServerError):
        await thrifty.with_options(max_retries=0).videos.create(CONTEXT, TEMPLATE)

    assert sandbox.state()["billed"] == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"template_id": "cat-explainer-v2"}, "belongs to the template 'cat-explainer-v2'"),
        ({"status": "failed"}, "has the status 'failed'"),
    ],
)
async def test_a_video_that_is_not_the_content_is_not_used(change: Any, reason: str, caplog: Any) -> None:
    """A service can use an id again after a reset. The log says why the video is bought again."""
    video = {"id": "batch_old", "status": "completed", "template_id": TEMPLATE, **change}
    bought = answer(202, {"id": "batch_new", "status": "queued", "template_id": TEMPLATE})
    client, transport, _ = client_with(answer(200, video), bought, reuse="content")
    content = hash_content({"template_id": TEMPLATE, "context": CONTEXT}) or ""
    await ContentReuse(client._session).record(content, "batch_old")

    made = await client.videos.create(CONTEXT, TEMPLATE)

    assert (made.id, made.reused, transport.sent) == ("batch_new", False, ["GET /videos/batch_old", "POST /videos"])
    assert f"Video batch_old has the same content, but {reason}. It is bought again." in caplog.messages
    assert await ContentReuse(client._session).find_known([content]) == {content: "batch_new"}


async def test_a_video_with_an_unknown_status_is_under_way() -> None:
    """A service can add a status at any time; a video that may still finish is not bought again."""
    video = {"id": "batch_old", "status": "rescheduled", "template_id": TEMPLATE}
    client, transport, _ = client_with(answer(200, video), reuse="content")
    content = hash_content({"template_id": TEMPLATE, "context": CONTEXT}) or ""
    await ContentReuse(client._session).record(content, "batch_old")

    made = await client.videos.create(CONTEXT, TEMPLATE)

    assert (made.id, made.reused, transport.sent) == ("batch_old", True, ["GET /videos/batch_old"])


async def lose_create(sandbox: Sandbox, client: AsyncBluma, action: str, context: Any = CONTEXT) -> None:
    """Create a video, and lose the answer."""
    sandbox.faults.add("POST /videos", action, times=1)
    with pytest.raises(errors.BlumaError):
        await client.with_options(max_retries=0, on_ambiguous="raise").videos.create(context, TEMPLATE)


async def test_a_create_that_is_settled_is_remembered(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """`settle` finds its video, and the next create of the content uses that."""
    mine = thrifty.with_options(exclusive=True)
    await lose_create(sandbox, mine, "drop_after")

    (settled,) = await mine.settle()
    video = await mine.videos.create(CONTEXT, TEMPLATE)

    assert settled.video is not None
    assert (video.id, video.reused, sandbox.state()["billed"]) == (settled.video.id, True, 1)


async def test_a_create_is_open_until_its_video_is_remembered(
    sandbox: Sandbox, thrifty: AsyncBluma, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each moment either the open create or the index keeps the next create from buying the content."""
    mine, record, opened = thrifty.with_options(exclusive=True), ContentIndex.record, []
    await lose_create(sandbox, mine, "drop_after")

    def record_later(*given: Any, **named: Any) -> None:
        opened.extend(mine.open_creates)
        record(*given, **named)

    monkeypatch.setattr(ContentIndex, "record", record_later)
    video = await mine.videos.create(CONTEXT, TEMPLATE)

    assert [create.video_id for create in opened] == [video.id]
    assert mine.open_creates == []


@pytest.mark.parametrize(("action", "is_reused"), [("drop_after", True), ("drop_before", False)])
async def test_a_create_settles_an_open_one_of_its_content_first(
    sandbox: Sandbox, thrifty: AsyncBluma, action: str, is_reused: bool
) -> None:
    """The content is bought once, whether or not the lost create was accepted."""
    mine = thrifty.with_options(exclusive=True)
    await lose_create(sandbox, mine, action)

    video = await mine.videos.create(CONTEXT, TEMPLATE)
    later = await mine.videos.create(CONTEXT, TEMPLATE)

    assert (video.reused, later.id, later.reused) == (is_reused, video.id, True)
    assert (sandbox.state()["billed"], mine.open_creates) == (1, [])


async def test_an_open_create_whose_video_has_failed_is_bought_again(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """Its credits were refunded: it is settled, and its video is checked like every other one that is reused."""
    mine, failing = thrifty.with_options(exclusive=True), {"prompt": "Explain [fail]"}
    await lose_create(sandbox, mine, "drop_after", failing)
    await sandbox.advance(105)

    video = await mine.videos.create(failing, TEMPLATE)

    assert (video.status, video.reused, sandbox.state()["billed"]) == ("queued", False, 2)
    assert mine.open_creates == []


async def test_an_open_create_whose_video_cannot_be_read_is_not_bought_again(
    sandbox: Sandbox, thrifty: AsyncBluma
) -> None:
    """The error names the video, which is paid; a later create uses it."""
    mine = thrifty.with_options(exclusive=True, max_retries=0)
    await lose_create(sandbox, mine, "drop_after")
    sandbox.faults.add("GET /videos/{id}", "status", status=500, times=None)

    with pytest.raises(errors.ServerError) as caught:
        await mine.videos.create(CONTEXT, TEMPLATE)
    sandbox.faults.clear()
    later = await mine.videos.create(CONTEXT, TEMPLATE)

    assert (caught.value.video_id, later.reused, sandbox.state()["billed"]) == (later.id, True, 1)


async def test_a_content_in_doubt_is_not_bought_again(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """Without evidence nobody knows whether the candidate is its video; other contents are not affected."""
    await lose_create(sandbox, thrifty, "drop_after")
    (lost,) = thrifty.open_creates

    with pytest.raises(errors.AmbiguousCreateError, match="earlier create of the same content") as caught:
        await thrifty.videos.create(CONTEXT, TEMPLATE)
    other = await thrifty.videos.create({"prompt": "Another content of this account"}, TEMPLATE)

    assert (caught.value.idempotency_key, len(caught.value.candidates)) == (lost.idempotency_key, 1)
    assert (other.reused, sandbox.state()["billed"]) == (False, 2)
    assert not (await thrifty.with_options(reuse=None).videos.create(CONTEXT, TEMPLATE)).reused


async def test_an_error_claims_no_search_that_did_not_happen(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """While `settle` works on the earlier create, the other one searches for nothing."""
    await lose_create(sandbox, thrifty, "drop_after")
    (lost,) = thrifty._session.evidence.open_calls
    lost.is_attended = True

    with pytest.raises(errors.AmbiguousCreateError, match="was not sent: its video is not known") as caught:
        await thrifty.videos.create(CONTEXT, TEMPLATE)

    assert (caught.value.candidates, "found" in str(caught.value)) == ([], False)


async def test_one_deadline_bounds_all_requests_of_a_create() -> None:
    """Each request gets what is left of it."""
    client, _, clock = client_with(reuse="content", deadline=5.0)
    reuse = ContentReuse(client._session, clock.now())

    await clock.sleep(3.0)
    left = reuse.limited.options.deadline
    await clock.sleep(2.0)

    assert left == 2.0
    with pytest.raises(errors.RequestTimeoutError, match="Nothing was bought"):
        assert reuse.limited
    assert ContentReuse(client._session).limited.options.deadline == 5.0


async def test_a_cancellation_after_the_payment_logs_the_video(
    sandbox: Sandbox, thrifty: AsyncBluma, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller is gone, and nobody else knows the id; the index has it all the same."""
    record = ContentIndex.record
    creating = asyncio.ensure_future(thrifty.videos.create(CONTEXT, TEMPLATE))
    loop = asyncio.get_running_loop()

    def cancel_first(*given: Any, **named: Any) -> None:
        loop.call_soon_threadsafe(creating.cancel)
        record(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(ContentIndex, "record", cancel_first)
        with pytest.raises(asyncio.CancelledError):
            await creating
    video = await thrifty.videos.create(CONTEXT, TEMPLATE)

    assert (video.reused, sandbox.state()["billed"]) == (True, 1)
    assert f"A create was interrupted. It became video {video.id}, which is paid; wait for its id." in caplog.messages


@pytest.mark.parametrize("route", ["GET /cdn/{place}", "GET /videos/{id}/download"])
@pytest.mark.parametrize("status", [404, 410])
async def test_a_video_without_its_file_is_bought_again(
    sandbox: Sandbox, thrifty: AsyncBluma, route: str, status: int, caplog: Any
) -> None:
    """A video whose file is gone is worth nothing, and the log says so."""
    first = await thrifty.videos.create(CONTEXT, TEMPLATE)
    await sandbox.advance(105)
    change_index(bought_at=0)
    sandbox.faults.add(route, "status", status=404 if "download" in route else status, times=None)

    second = await thrifty.videos.create(CONTEXT, TEMPLATE)

    assert (second.id != first.id, second.reused, sandbox.state()["billed"]) == (True, False, 2)
    assert f"Video {first.id} has the same content, but its file does not exist any more." in caplog.text


@pytest.mark.parametrize("status", [403, 500])
async def test_a_file_that_cannot_be_read_now_is_not_bought_again(
    sandbox: Sandbox, thrifty: AsyncBluma, status: int
) -> None:
    """The video may be there, so nothing is bought, and the error says what to do."""
    await thrifty.videos.create(CONTEXT, TEMPLATE)
    await sandbox.advance(105)
    sandbox.faults.add("GET /cdn/{place}", "status", status=status, times=None)

    with pytest.raises(errors.BlumaError, match=r"file could not be read: .*Nothing was bought\. Try again") as caught:
        await thrifty.with_options(max_retries=0).videos.create(CONTEXT, TEMPLATE)

    assert (caught.value.status, sandbox.state()["billed"]) == (status, 1)


async def test_a_read_that_does_not_see_the_video_yet_buys_nothing(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """Reads lag: a video that was bought just now, by this program or another one, is not taken for a deleted one."""
    first = await thrifty.videos.create(CONTEXT, TEMPLATE)
    sandbox.cruelty = Cruelty(read_lag=50)

    second = await thrifty.videos.create(CONTEXT, TEMPLATE)
    registry._by_account.clear()  # as in another process
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, reuse="content") as other:
        third = await other.videos.create(CONTEXT, TEMPLATE)
        assert other._session.evidence.may_be_unseen(third.id, other._session.shared.clock.now())

    assert [video.id for video in (second, third)] == [first.id] * 2
    assert (third.status, third.reused, sandbox.state()["billed"]) == ("queued", True, 1)


async def test_another_api_has_other_videos(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """The same key at another base URL finds nothing."""
    await thrifty.videos.create(CONTEXT, TEMPLATE)
    async with Sandbox(clock="manual", render=False) as second:
        assert second.live_key == sandbox.live_key
        async with AsyncBluma(second.live_key, base_url=second.base_url, reuse="content") as client:
            video = await client.videos.create(CONTEXT, TEMPLATE)

    assert not video.reused


async def test_several_clients_at_once_buy_one_video(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """Clients of one process share no more than programs do: the files in the folder of the user."""
    clients = [AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, reuse="content") for _ in range(4)]

    videos = await asyncio.gather(*(client.videos.create(CONTEXT, TEMPLATE) for client in clients for _ in range(3)))

    assert (len({video.id for video in videos}), sandbox.state()["billed"]) == (1, 1)
    for client in clients:
        await client.aclose()


async def test_a_failed_create_gives_its_turn_away(sandbox: Sandbox, thrifty: AsyncBluma) -> None:
    """The next create of the content is sent; also after one that was cancelled."""
    sandbox.faults.add("POST /videos", "status", status=402, times=1)

    with pytest.raises(errors.InsufficientCreditsError):
        await thrifty.videos.create(CONTEXT, TEMPLATE)
    sandbox.faults.add("POST /videos", "silent", times=1)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(thrifty.videos.create(CONTEXT, TEMPLATE), 1)
    video = await thrifty.with_options(settle_time=0.1).videos.create({"prompt": "Another"}, TEMPLATE)

    assert not video.reused
    assert thrifty._session.shared.content_turns._queues.get() == {}


def change_index(bought_at: float) -> None:
    """Change when the videos in the index were bought."""
    database = sqlite3.connect(str(find_state_folder() / FILE))
    database.execute("UPDATE contents SET bought_at = ?", (bought_at,))
    database.commit()
    database.close()


def test_the_index_keeps_the_newest_contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays small; the newest video of a content replaces the older one unless it comes from an older journal."""
    monkeypatch.setattr(contents, "MOST", 3)
    index = ContentIndex(tmp_path / "new" / FILE, "account")
    names = [f"c{number}" for number in range(5)]

    index.record({name: f"v-{name}" for name in names})
    index.record({"c4": "newer"}, bought_at=5.0)
    index.record({"c3": "older"}, replace=False)
    index.forget("c4", "v-c4")

    assert index.find([*names, *(f"x{number}" for number in range(600))]) == {
        "c3": ("v-c3", 0.0),
        "c4": ("newer", 5.0),
    }
    assert ContentIndex(tmp_path / "new" / FILE, "other").find(names) == {}
    assert ContentIndex(tmp_path / "none" / FILE, "account").find(names) == {}

"""`key=`: one video for a key, in any process, whatever happened to the first call."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Callable

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from tests.batch.helpers import forget_process
from tests.sharing.conftest import CONTEXT, TEMPLATE, MakeClient


async def test_a_second_call_with_a_key_returns_the_first_video(sandbox: Sandbox, make_client: MakeClient) -> None:
    """In the same process and in another one; it is billed once."""
    first, other = make_client(), make_client()

    made = await first.videos.create(CONTEXT, TEMPLATE, key="task-1")
    again = [await client.videos.create(CONTEXT, TEMPLATE, key="task-1") for client in (first, other)]

    assert [video.id for video in again] == [made.id, made.id]
    assert sandbox.state()["billed"] == 1


async def test_calls_at_the_same_time_with_one_key_are_billed_once(sandbox: Sandbox, make_client: MakeClient) -> None:
    """Whichever is first creates the video; the others wait for it."""
    clients = [make_client() for _ in range(3)]

    made = await asyncio.gather(*(client.videos.create(CONTEXT, TEMPLATE, key="task-1") for client in clients * 2))

    assert len({video.id for video in made}) == 1
    assert sandbox.state()["billed"] == 1


async def test_several_creates_of_a_task_have_keys_of_their_own(sandbox: Sandbox, make_client: MakeClient) -> None:
    """Also with the same content: the key decides, not the content."""
    client = make_client()

    made = [await client.videos.create(CONTEXT, TEMPLATE, key=f"task-1-{number}") for number in (1, 2, 1)]

    assert made[0].id == made[2].id != made[1].id
    assert sandbox.state()["billed"] == 2


async def test_generate_continues_with_the_video_of_its_key(
    sandbox: Sandbox, make_client: MakeClient, tmp_path: Path
) -> None:
    """A task that is delivered again waits for its own video, and saves it."""
    made = await make_client().videos.create(CONTEXT, TEMPLATE, key="task-1")
    await sandbox.advance(105)

    done = await make_client().videos.generate(CONTEXT, TEMPLATE, key="task-1", save_to=tmp_path / "a.mp4")

    assert (done.id, done.status, sandbox.state()["billed"]) == (made.id, "completed", 1)
    assert (tmp_path / "a.mp4").stat().st_size == done.size_bytes


async def test_a_failed_render_stays_the_answer_of_its_key(sandbox: Sandbox, make_client: MakeClient) -> None:
    """A task that wants another attempt passes a new key."""
    client = make_client()
    await client.videos.create({"prompt": "x [fail]"}, TEMPLATE, key="task-1")
    await sandbox.advance(105)

    failed = [await client.videos.generate({"prompt": "x [fail]"}, TEMPLATE, key="task-1") for _ in range(2)]

    assert [video.status for video in failed] == ["failed", "failed"]
    assert sandbox.state()["jobs"]["live"] == 1


@pytest.mark.parametrize(
    "other",
    [
        {"context": {"prompt": "another"}},
        {"template_id": "meme-dialogue"},
        {"options": {"resolution": "1080p"}},
    ],
)
async def test_a_key_with_another_content_is_refused(sandbox: Sandbox, make_client: MakeClient, other: Any) -> None:
    """The context, the template and the options count; nothing is sent."""
    client = make_client()
    same = {"context": CONTEXT, "template_id": TEMPLATE}
    await client.videos.create(**same, key="task-1")
    sent = len(sandbox.requests)

    with pytest.raises(errors.InvalidArgumentError, match="'task-1' belongs to another create"):
        await client.videos.create(**{**same, **other}, key="task-1")

    assert len(sandbox.requests) == sent


async def test_a_refused_create_leaves_its_key_free(sandbox: Sandbox, make_client: MakeClient) -> None:
    """Nothing was made for it, so a corrected content is created."""
    client = make_client()
    with pytest.raises(errors.ValidationError):
        await client.videos.create(CONTEXT, "no-such-template", key="task-1")

    await client.videos.create(CONTEXT, TEMPLATE, key="task-1")

    assert sandbox.state()["billed"] == 1


@pytest.mark.parametrize("key", ["a\0b", "\ud800", "\U0001f35e" * 501, " ", 5])
async def test_a_key_that_no_database_can_store_is_refused(sandbox: Sandbox, make_client: MakeClient, key: Any) -> None:
    """At once, before anything is sent; the longest key is fine."""
    client = make_client()

    with pytest.raises(errors.InvalidArgumentError, match="key must be"):
        await client.videos.create(CONTEXT, TEMPLATE, key=key)

    assert sandbox.requests == []
    await client.videos.create(CONTEXT, TEMPLATE, key="".join(chr(0x10000 + 7919 * n % 60000) for n in range(500)))


async def test_a_key_needs_a_shared_database(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Without it, nobody would remember the key. Nothing is sent."""
    with pytest.raises(errors.InvalidArgumentError, match="shared="):
        await client.videos.create(CONTEXT, TEMPLATE, key="task-1")

    assert sandbox.requests == []


async def test_a_key_whose_create_was_lost_is_settled_and_not_sent_again(
    sandbox: Sandbox, make_client: MakeClient, let_die: Callable[[], None]
) -> None:
    """The first call was interrupted while its request was out: the second one finds its video."""
    interrupted = make_client(exclusive=True)
    sandbox.faults.add("POST /videos", "silent")
    creating = asyncio.ensure_future(interrupted.videos.create(CONTEXT, TEMPLATE, key="task-1"))
    while sandbox.state()["billed"] == 0:
        await asyncio.sleep(0.01)
    creating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creating
    let_die()

    found = await make_client(exclusive=True).videos.create(CONTEXT, TEMPLATE, key="task-1")

    assert (found.template_id, sandbox.state()["billed"]) == (TEMPLATE, 1)


async def test_a_key_in_doubt_is_never_billed_again(
    sandbox: Sandbox, make_client: MakeClient, let_die: Callable[[], None]
) -> None:
    """Without the statement that nobody else uses the key, each call names the candidate; a new key creates."""
    first, other = make_client(max_retries=0), make_client(max_retries=0)
    sandbox.faults.add("POST /videos", "drop_after")
    with pytest.raises(errors.AmbiguousCreateError):
        await first.videos.create(CONTEXT, TEMPLATE, key="task-1")

    for client in (other, first):
        with pytest.raises(errors.AmbiguousCreateError) as raised:
            await client.videos.create(CONTEXT, TEMPLATE, key="task-1")
        assert len(raised.value.candidates) == 1
    await other.videos.create(CONTEXT, TEMPLATE, key="task-2")

    assert sandbox.state()["billed"] == 2


async def test_a_key_whose_create_never_arrived_is_created_once(
    sandbox: Sandbox, make_client: MakeClient, let_die: Callable[[], None]
) -> None:
    """Its absence is proven first."""
    first = make_client(on_ambiguous="raise")
    sandbox.faults.add("POST /videos", "drop_before")
    with pytest.raises(errors.AmbiguousCreateError):
        await first.videos.create(CONTEXT, TEMPLATE, key="task-1")
    assert sandbox.state()["billed"] == 0
    let_die()

    made = await make_client().videos.create(CONTEXT, TEMPLATE, key="task-1")

    assert (made.status, sandbox.state()["billed"]) == ("queued", 1)


async def test_reuse_gives_a_key_the_video_of_its_content(sandbox: Sandbox, make_client: MakeClient) -> None:
    """A video that was bought before becomes that of the key; a key that has one keeps it."""
    client = make_client(reuse="content")
    bought = await client.videos.create(CONTEXT, TEMPLATE)

    named = [await client.videos.create(CONTEXT, TEMPLATE, key="task-1") for _ in range(2)]

    assert [video.id for video in named] == [bought.id, bought.id]
    assert (await make_client().videos.create(CONTEXT, TEMPLATE, key="task-1")).id == bought.id
    assert sandbox.state()["billed"] == 1


async def test_reuse_does_not_answer_for_a_key_in_doubt(sandbox: Sandbox, make_client: MakeClient) -> None:
    """Its own create may have been billed: the candidates are reported, as without the option."""
    reusing, lost = make_client(reuse="content"), make_client(max_retries=0)
    await reusing.videos.create(CONTEXT, TEMPLATE)
    sandbox.faults.add("POST /videos", "drop_after")
    with pytest.raises(errors.AmbiguousCreateError):
        await lost.videos.create(CONTEXT, TEMPLATE, key="task-1")

    with pytest.raises(errors.AmbiguousCreateError) as raised:
        await reusing.videos.create(CONTEXT, TEMPLATE, key="task-1")

    assert len(raised.value.candidates) == 1
    assert sandbox.state()["billed"] == 2


@pytest.mark.parametrize("key", ["task-1", None])
@pytest.mark.parametrize(("action", "is_reused"), [("drop_after", True), ("drop_before", False)])
async def test_the_create_of_a_killed_process_is_not_bought_again(
    sandbox: Sandbox, make_client: MakeClient, let_die: Callable[[], None], key: Any, action: str, is_reused: bool
) -> None:
    """The database and the index of contents know it; both searches lead to the same video."""
    client = make_client(reuse="content", exclusive=True)
    sandbox.faults.add("POST /videos", action, times=1)
    lost = client.with_options(on_ambiguous="raise", exclusive=False, max_retries=0)
    with pytest.raises(errors.AmbiguousCreateError):
        await lost.videos.create(CONTEXT, TEMPLATE, key=key)
    forget_process(client)
    let_die()

    made = await client.videos.create(CONTEXT, TEMPLATE, key=key)
    again = await client.videos.create(CONTEXT, TEMPLATE, key=key)

    assert (again.id, sandbox.state()["billed"]) == (made.id, 1)
    assert made.reused == (is_reused and key is None)

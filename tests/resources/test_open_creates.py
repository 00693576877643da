"""`client.open_creates` lists the creates without a known outcome, and `client.settle()` finds their outcomes."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, List

import pytest

from bluma import Bluma
from bluma_async import AsyncBluma, errors
from bluma_async.resources._creates.answers import note_video
from bluma_async.types import CreateResult, OpenCreateState, Video, VideoStatus
from tests.fakes import START, FakeClock, FakeTransport, answer, client_with, list_videos, problem
from tests.live import Live

PROMPT = {"prompt": "p"}
CUT = errors.NetworkError("cut")
QUIET = list_videos()
FOUND = list_videos(("batch_own", "2025-11-03T10:30:30Z"))
VIDEO = answer(200, {"id": "batch_own", "status": "processing", "template_id": "t"})


async def hang(_: object) -> Any:
    """Never answer."""
    await asyncio.Event().wait()


async def interrupt(client: AsyncBluma, *keys: str) -> None:
    """Cancel creates whose requests are out."""
    creates = [
        asyncio.ensure_future(client.videos.create(PROMPT, "t", idempotency_key=key)) for key in keys or ("mine",)
    ]
    await asyncio.sleep(0.01)
    for create in creates:
        create.cancel()
    await asyncio.gather(*creates, return_exceptions=True)


def open_keys(client: AsyncBluma) -> List[str]:
    """Return the keys of the open creates."""
    return [create.idempotency_key for create in client.open_creates]


async def test_two_settlements_at_once_return_a_video_once() -> None:
    """The second one leaves the creates of the first one alone until these have been handed out."""
    may_end = asyncio.Event()

    async def slow(_: object) -> Any:
        await may_end.wait()
        return QUIET

    client, _, _ = client_with(hang, hang, VIDEO, slow, QUIET, QUIET, QUIET)
    await interrupt(client, "a", "b")
    session = client._session
    note_video(session, session.evidence.open_calls[0], Video(id="batch_own", status=VideoStatus.QUEUED))
    first = asyncio.ensure_future(client.settle())
    await asyncio.sleep(0.01)

    second = await client.settle()
    may_end.set()

    assert second == []
    assert [one.create.idempotency_key for one in await first] == ["a", "b"]
    assert client.open_creates == []


async def test_a_create_is_open_while_it_is_in_flight() -> None:
    """It is listed with its key, its template and its time; `settle` leaves it alone, and an answer closes it."""
    client, transport, clock = client_with(hang)
    create = asyncio.ensure_future(client.videos.create(PROMPT, "t", idempotency_key="mine"))
    await asyncio.sleep(0.01)

    (shown,) = client.open_creates

    assert (shown.idempotency_key, shown.template_id, shown.video_id) == ("mine", "t", None)
    assert (shown.started_at, shown.state) == (START, OpenCreateState.IN_FLIGHT)
    assert (await client.settle(), clock.slept, len(transport.requests)) == ([], [], 1)
    create.cancel()
    await asyncio.gather(create, return_exceptions=True)


async def test_answered_and_refused_creates_are_not_open() -> None:
    """A known outcome closes a create, whether it was accepted, refused, or proven absent."""
    accepted = answer(202, {"id": "batch_own", "status": "queued", "template_id": "t"})
    client, _, _ = client_with(accepted, problem(402), CUT, QUIET, QUIET, max_retries=0)

    await client.videos.create(PROMPT, "t")
    for kind in (errors.InsufficientCreditsError, errors.NetworkError):
        with pytest.raises(kind):
            await client.videos.create(PROMPT, "t")

    assert client.open_creates == []


async def test_a_refusal_does_not_close_an_earlier_uncertain_attempt() -> None:
    """With `on_ambiguous="retry"` the second attempt is refused: the first may still have been accepted."""
    client, transport, _ = client_with(CUT, problem(402), on_ambiguous="retry")

    with pytest.raises(errors.InsufficientCreditsError):
        await client.videos.create(PROMPT, "t", idempotency_key="mine")

    assert len(transport.requests) == 2
    assert [(create.idempotency_key, create.state) for create in client.open_creates] == [
        ("mine", OpenCreateState.UNCERTAIN)
    ]


async def test_settle_proves_absence() -> None:
    """It searches at once and again after the settle time, counted from the interruption."""
    client, transport, clock = client_with(hang, QUIET, QUIET)
    await interrupt(client)
    clock.time += 10

    (settled,) = await client.settle()

    assert (settled.result, settled.video, settled.candidates) == (CreateResult.NOT_ACCEPTED, None, [])
    assert (settled.create.idempotency_key, settled.create.state) == ("mine", OpenCreateState.UNCERTAIN)
    assert (open_keys(client), clock.slept) == ([], [20])
    assert transport.sent.count("POST /videos") == 1


async def test_a_video_is_not_adopted_without_evidence() -> None:
    """Being the only candidate is none: the create stays open, in doubt, with its candidate."""
    client, _, clock = client_with(hang, FOUND)
    await interrupt(client)

    (settled,) = await client.settle()

    assert settled.result == CreateResult.IN_DOUBT
    assert [video.id for video in settled.candidates] == ["batch_own"]
    assert (open_keys(client), clock.slept) == (["mine"], [])


async def test_an_exclusive_client_settles_with_the_video() -> None:
    """Nobody else uses the key, and no other create is open: the only new video is the create's own."""
    client, _, _ = client_with(hang, FOUND, VIDEO, exclusive=True)
    await interrupt(client)

    (settled,) = await client.settle()

    assert settled.result == CreateResult.ACCEPTED
    assert settled.video is not None
    assert (settled.video.id, settled.video.status) == ("batch_own", "processing")
    assert open_keys(client) == []


async def test_two_creates_that_claim_one_video_are_in_doubt() -> None:
    """Either may have made it, also for an exclusive client; each is left open."""
    client, _, _ = client_with(hang, hang, FOUND, exclusive=True)
    await interrupt(client, "one", "two")

    settled = await client.settle()

    assert [entry.result for entry in settled] == [CreateResult.IN_DOUBT] * 2
    assert open_keys(client) == ["one", "two"]


async def test_a_list_that_cannot_be_read_leaves_doubt_for_another_time() -> None:
    """A second `settle` resolves what the first could not."""
    client, transport, clock = client_with(hang, problem(403))
    await interrupt(client)

    (first,) = await client.settle()
    transport.replies = [QUIET]
    (second,) = await client.settle()

    assert (first.result, second.result) == (CreateResult.IN_DOUBT, CreateResult.NOT_ACCEPTED)
    assert (open_keys(client), clock.slept) == ([], [30])


async def test_a_create_that_ended_in_doubt_is_settled() -> None:
    """AmbiguousCreateError leaves its create open; a list that can be read later closes it."""
    client, transport, _ = client_with(CUT, problem(403))
    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create(PROMPT, "t")
    transport.replies = [QUIET]

    assert open_keys(client) == [caught.value.idempotency_key]
    assert [entry.result for entry in await client.settle()] == [CreateResult.NOT_ACCEPTED]


async def test_an_accepted_create_is_never_settled_as_not_accepted() -> None:
    """An unreadable 202 was billed: an empty list is not proof against it."""
    client, _, _ = client_with(answer(202, b"?"), QUIET)
    with pytest.raises(errors.AmbiguousCreateError):
        await client.videos.create(PROMPT, "t")

    (settled,) = await client.settle()

    assert (settled.result, settled.create.state) == (CreateResult.IN_DOUBT, OpenCreateState.ACCEPTED)
    assert len(client.open_creates) == 1


async def test_a_known_video_that_cannot_be_read_is_settled_by_its_id() -> None:
    """Its id is enough to wait for it: the create is closed, without the video."""

    def fail(_: object) -> None:
        raise LookupError

    client, transport, _ = client_with(answer(202, {"id": "batch_own", "status": "queued", "template_id": "t"}))
    with pytest.raises(LookupError):
        await client.with_options(on_response=fail).videos.create(PROMPT, "t")
    transport.replies = [problem(403)]

    (settled,) = await client.settle()

    assert (settled.result, settled.video, settled.create.video_id) == (CreateResult.ACCEPTED, None, "batch_own")
    assert client.open_creates == []


def serve_slowly(slow: asyncio.Event) -> Callable[[Any], Any]:
    """List the video of template `t`; do not answer for template `slow`, but set the event. No create is answered."""

    async def serve(request: Any) -> Any:
        if "template_id=slow" in request.url:
            slow.set()
            await hang(request)
        if request.method == "POST":
            await hang(request)
        return FOUND if "template_id=" in request.url else VIDEO

    return serve


async def lose_two(client: AsyncBluma, transport: FakeTransport) -> None:
    """Lose the answers to two creates, of the templates `t` and `slow`."""
    for number, name in enumerate(("t", "slow")):
        create = asyncio.ensure_future(client.videos.create(PROMPT, name, idempotency_key=name))
        while transport.sent.count("POST /videos") == number:
            await asyncio.sleep(0.001)
        create.cancel()
        await asyncio.gather(create, return_exceptions=True)


@pytest.mark.parametrize("reuse", [None, "content"])
async def test_an_interrupted_settle_loses_no_video(reuse: Any) -> None:
    """A create whose video was found stays open with it, until a `settle` has returned it; its content is recorded."""
    slow = asyncio.Event()
    client, transport, _ = client_with(serve_slowly(slow), exclusive=True, reuse=reuse)
    await lose_two(client, transport)
    settling = asyncio.ensure_future(client.settle())
    await slow.wait()
    while client.open_creates[0].video_id is None:
        await asyncio.sleep(0)

    settling.cancel()
    await asyncio.gather(settling, return_exceptions=True)
    shown = [(create.template_id, create.state, create.video_id) for create in client.open_creates]
    transport.replies = [lambda request: QUIET if "template_id=" in request.url else VIDEO]
    settled = await client.settle()

    accepted, uncertain = OpenCreateState.ACCEPTED, OpenCreateState.UNCERTAIN
    assert shown == [("t", accepted, "batch_own"), ("slow", uncertain, None)]
    assert [(one.result, one.video and one.video.id) for one in settled] == [
        (CreateResult.ACCEPTED, "batch_own"),
        (CreateResult.NOT_ACCEPTED, None),
    ]
    assert client.open_creates == []
    if reuse is not None:
        assert (await client.videos.create(PROMPT, "t")).id == "batch_own"


async def test_an_exception_of_a_hook_ends_no_other_search() -> None:
    """It is raised when every search has ended; the video that another search has found is kept for the next one."""

    def fail(info: Any) -> None:
        if "template_id=slow" in str(info.url):
            raise LookupError

    client, transport, _ = client_with(serve_slowly(asyncio.Event()), exclusive=True)
    await lose_two(client, transport)
    with pytest.raises(LookupError):
        await client.with_options(on_request=fail).settle()
    shown = {create.template_id: create.video_id for create in client.open_creates}
    transport.replies = [lambda request: QUIET if "template_id=" in request.url else VIDEO]

    settled = {one.create.template_id: one.result for one in await client.settle()}

    assert shown == {"t": "batch_own", "slow": None}
    assert settled == {"t": CreateResult.ACCEPTED, "slow": CreateResult.NOT_ACCEPTED}
    assert client.open_creates == []


async def test_a_create_that_keeps_its_video_claims_no_other() -> None:
    """It is open until its result is handed out, but the next lost create of its template is settled beside it."""
    client, transport, _ = client_with(serve_slowly(asyncio.Event()), exclusive=True)
    await interrupt(client, "one")
    (one,) = client._session.evidence.open_calls
    note_video(client._session, one, Video(id="batch_one", status=VideoStatus.QUEUED, template_id="t"))
    await interrupt(client, "two")
    (shown, _) = client.open_creates

    settled = await client.settle()

    assert shown.video_id == "batch_one"
    assert [create.result for create in settled] == [CreateResult.ACCEPTED] * 2
    assert transport.sent.count("POST /videos") == 2


async def test_clients_of_one_account_share_the_open_creates() -> None:
    """Another client of the same account sees and settles them; one with another key does not."""
    clock = FakeClock()
    client, _, _ = client_with(hang, clock=clock)
    other = AsyncBluma("bluma_test_key", transport=FakeTransport(QUIET), clock=clock)
    stranger = AsyncBluma("bluma_test_stranger", transport=FakeTransport(QUIET), clock=clock)
    await interrupt(client)

    assert (open_keys(other), open_keys(stranger)) == (["mine"], [])
    assert [entry.result for entry in await other.settle()] == [CreateResult.NOT_ACCEPTED]
    assert open_keys(client) == []


def test_the_blocking_client_settles() -> None:
    """Both names exist in the blocking twin: a create that lost its answer is open, and settled with its video."""
    live = Live()
    with live as sandbox:
        sandbox.faults.add("POST /videos", "drop_after")
        options: Any = {"base_url": sandbox.base_url, "settle_time": 0.0, "on_ambiguous": "raise"}
        with Bluma(sandbox.live_key, **options) as client:
            with pytest.raises(errors.AmbiguousCreateError) as caught:
                client.videos.create(PROMPT, "ugc-text-overlay")
            opened = client.open_creates
            (settled,) = client.with_options(exclusive=True).settle()
            left = client.open_creates

        assert [create.idempotency_key for create in opened] == [caught.value.idempotency_key]
        assert settled.result == CreateResult.ACCEPTED
        assert settled.video is not None
        assert [bill["metadata"]["video_id"] for bill in sandbox.ledger.bills()] == [settled.video.id]
        assert left == []

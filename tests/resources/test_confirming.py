"""A callback to the create's own URL is evidence: a one-use token in the URL names the create, the body the video."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any, Callable, List, Optional

import pytest

from bluma import Bluma
from bluma_async import errors
from bluma_async._session.in_flight import InFlightCall
from bluma_async._wire.messages import Request
from bluma_async.resources._certain_create import CertainCreate
from bluma_async.types import CreateResult
from tests.fakes import FakeClock, FakeTransport, answer, client_with, problem

URL = "https://app.example.com/hook?create={create_token}"
CUT = errors.NetworkError("cut")
DATE = {"Date": "Mon, 03 Nov 2025 10:30:30 GMT"}
HELLO = answer(200, [], DATE)  # an answer before the create: its Date tells the server's time


def row(name: str, template_id: str = "t") -> Any:
    """Return a new video as JSON."""
    return {"id": name, "status": "queued", "template_id": template_id, "created_at": "2025-11-03T10:30:30Z"}


def listing(*names: str) -> Any:
    """Return a page with these videos."""
    return answer(200, {"videos": [row(name) for name in names], "pagination": {"total": len(names)}}, DATE)


def callback(name: str) -> bytes:
    """Return the body of a callback about a video."""
    return json.dumps({"id": "evt_1", "type": "video.processing", "data": {"id": name}}).encode()


def token_of(transport: FakeTransport) -> str:
    """Return the token in the URL of the last create."""
    bodies = [body for body in transport.bodies if body]
    return str(bodies[-1]["webhook_url"].partition("create=")[2])


class CallingClock(FakeClock):
    """A clock that calls a function at a sleep of the given length or more, and then sleeps until it is cancelled."""

    def __init__(self, at: float, then: Callable[[], Any]) -> None:
        super().__init__()
        self.at = at
        self.then: Optional[Callable[[], Any]] = then

    async def sleep(self, seconds: float) -> None:
        if seconds < self.at or self.then is None:
            await super().sleep(seconds)
        else:
            then, self.then = self.then, None
            then()
            await asyncio.Event().wait()


async def test_each_create_has_its_own_token() -> None:
    """The mark is replaced by a random token, for each create another; a URL without it is sent unchanged."""
    client, transport, _ = client_with(answer(202, row("v1")), answer(202, row("v2")), answer(202, row("v3")))

    for url in (URL, URL, "https://x/hook"):
        await client.videos.create({"prompt": "x"}, "t", webhook_url=url)

    first, second, plain = (body["webhook_url"] for body in transport.bodies)
    assert first != second
    assert all(len(url.partition("create=")[2]) == 32 for url in (first, second))
    assert plain == "https://x/hook"


async def test_an_attempt_that_is_sent_again_has_the_same_token() -> None:
    """The attempts of one create share a token, as they share an Idempotency-Key."""
    client, transport, _ = client_with(problem(503), answer(202, row("v")))

    await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    assert transport.bodies[0] == transport.bodies[1]


async def test_an_early_callback() -> None:
    """It comes before the answer is lost: the create reads the video, and needs no search."""
    confirmed: List[bool] = []

    def lose(_: Any) -> Any:
        confirmed.append(client.confirm_create(token_of(transport), callback("v")))
        raise CUT

    client, transport, clock = client_with(lose, answer(200, row("v")))

    video = await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    assert (video.id, confirmed, clock.slept) == ("v", [True], [])
    assert transport.sent == ["POST /videos", "GET /videos/v"]
    assert client.open_creates == []


async def test_an_answer_that_is_not_lost_needs_no_callback() -> None:
    """The answer decides; its callback, early or late, changes nothing."""

    def answered(_: Any) -> Any:
        client.confirm_create(token_of(transport), callback("v"))
        return answer(202, row("v"))

    client, transport, _ = client_with(answered)

    video = await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    assert (video.id, transport.sent) == ("v", ["POST /videos"])
    assert not client.confirm_create(token_of(transport), callback("v"))


@pytest.mark.parametrize("listed", [[], ["v"], ["v", "other"]])
async def test_a_callback_ends_the_wait_for_evidence(listed: List[str]) -> None:
    """It comes before `settle_time` has passed: the create wakes, also when the list has candidates or none yet."""
    clock = CallingClock(20, lambda: client.confirm_create(token_of(transport), callback("v")))
    replies = [HELLO, CUT, listing(*listed), answer(200, row("v"))]
    client, transport, _ = client_with(*replies, clock=clock, settle_time=30)
    await client.templates.list()

    video = await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    assert video.id == "v"
    assert clock.slept == [1.0]  # the backoff before the first search


async def test_without_a_callback_the_create_is_in_doubt() -> None:
    """It waits for the callback until `settle_time` has passed; then the candidates of the last search are reported."""
    client, _, clock = client_with(HELLO, CUT, listing("v"), listing("v", "w"), settle_time=30)
    await client.templates.list()

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    assert [video.id for video in caught.value.candidates] == ["v", "w"]
    assert sum(clock.slept) == 30


async def test_a_deadline_ends_the_wait_for_a_callback() -> None:
    """A deadline before `settle_time`: the candidates are reported at once."""
    client, _, clock = client_with(HELLO, CUT, listing("v"), settle_time=30, deadline=10)
    await client.templates.list()

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    assert [video.id for video in caught.value.candidates] == ["v"]
    assert clock.slept == [1.0]


async def test_a_callback_counts_although_the_deadline_comes_before_settle_time() -> None:
    """Evidence needs no time: the create returns."""
    clock = CallingClock(1, lambda: client.confirm_create(token_of(transport), callback("v")))
    client, transport, _ = client_with(HELLO, CUT, answer(200, row("v")), clock=clock, settle_time=30, deadline=10)
    await client.templates.list()

    video = await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    assert video.id == "v"


async def test_a_late_callback_settles_the_create() -> None:
    """It comes after AmbiguousCreateError: `settle` returns its video. The token is valid once."""
    client, transport, _ = client_with(CUT, answer(200, row("v")), on_ambiguous="raise")
    with pytest.raises(errors.AmbiguousCreateError):
        await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)
    token = token_of(transport)

    confirmed = [client.confirm_create(token, callback(name)) for name in ("v", "v", "other")]
    (settled,) = await client.settle()

    assert confirmed == [True, False, False]
    assert settled.result == CreateResult.ACCEPTED
    assert settled.video is not None
    assert settled.video.id == "v"
    assert client.open_creates == []
    assert not client.confirm_create(token, callback("v"))


INVALID: List[Any] = [b"", b"{", b"[]", b"{}", b'{"data": []}', b'{"data": {"id": 7}}', b'{"data": {"id": " "}}']
INVALID += [b"\xff\xfe", b"[" * 100_000, "null", None, 7, {"data": 7}, memoryview(b"x")]


@pytest.mark.parametrize("body", INVALID)
async def test_an_invalid_body_confirms_nothing(body: Any) -> None:
    """No body raises, and the token stays valid for a callback that names a video."""
    client, transport, _ = client_with(CUT, on_ambiguous="raise")
    with pytest.raises(errors.AmbiguousCreateError):
        await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    assert not client.confirm_create(token_of(transport), body)
    assert client.confirm_create(token_of(transport), memoryview(callback("v")))


@pytest.mark.parametrize("token", ["", "x" * 32, None, 7, "\ud800", "{create_token}"])
async def test_a_forged_token_confirms_nothing(token: Any) -> None:
    """Also when a create without a token is open."""
    client, _, _ = client_with(CUT, on_ambiguous="raise")
    for url in (URL, None):
        with pytest.raises(errors.AmbiguousCreateError):
            await client.videos.create({"prompt": "x"}, "t", webhook_url=url)

    assert not client.confirm_create(token, callback("v"))


@pytest.mark.parametrize(
    ("name", "read", "message"),
    [
        ("known", answer(200, row("known")), "cannot have made"),
        ("new", answer(200, row("new", template_id="other")), "cannot have made"),
        ("new", problem(404), "could not be read"),
    ],
)
async def test_a_foreign_video_is_not_adopted(name: str, read: Any, message: str) -> None:
    """The video of another create, of another template, or one that cannot be read: the create is in doubt."""

    def lose(_: Any) -> Any:
        client.confirm_create(token_of(transport), callback(name))
        raise CUT

    client, transport, _ = client_with(answer(202, row("known")), lose, read, settle_time=0.0)
    await client.videos.create({"prompt": "x"}, "t")

    with pytest.raises(errors.AmbiguousCreateError, match=message) as caught:
        await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    assert caught.value.candidates == []
    assert transport.sent.count("POST /videos") == 2


async def test_after_a_foreign_callback_settle_searches() -> None:
    """A callback that names a video of another create is forgotten, and the search decides."""

    def lose(_: Any) -> Any:
        client.confirm_create(token_of(transport), callback("known"))
        raise CUT

    known = answer(202, row("known"), DATE)
    client, transport, _ = client_with(known, lose, answer(200, row("known")), listing("known"), settle_time=0.0)
    await client.videos.create({"prompt": "x"}, "t")
    with pytest.raises(errors.AmbiguousCreateError):
        await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    (settled,) = await client.settle()

    assert settled.result == CreateResult.NOT_ACCEPTED


async def test_a_video_that_cannot_be_read_yet_is_read_again() -> None:
    """Reads lag: a 404 is repeated after `settle_time`."""

    def lose(_: Any) -> Any:
        client.confirm_create(token_of(transport), callback("v"))
        raise CUT

    client, transport, clock = client_with(lose, problem(404), answer(200, row("v")), settle_time=30)

    video = await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    assert (video.id, clock.slept) == ("v", [30])


async def test_a_callback_in_another_thread_wakes_the_create() -> None:
    """A web server in a thread of its own may receive the callback; the blocking client takes it too."""

    def confirm() -> None:
        thread = threading.Thread(
            target=Bluma("bluma_test_key").confirm_create, args=(token_of(transport), callback("v"))
        )
        thread.start()

    clock = CallingClock(20, confirm)
    client, transport, _ = client_with(HELLO, CUT, listing(), answer(200, row("v")), clock=clock, settle_time=30)
    await client.templates.list()

    video = await asyncio.wait_for(client.videos.create({"prompt": "x"}, "t", webhook_url=URL), 10)

    assert video.id == "v"


async def test_a_callback_ends_a_wait_at_once() -> None:
    """After the callback each further sleep would return at once: the wait must not sleep again until its end."""
    client, _, clock = client_with(HELLO)
    call = InFlightCall(Request("POST", "https://api.example.com/videos", {}), clock.now())
    call.confirmed_id = "v"

    is_useful = await CertainCreate(client._session).wait_until(call, clock.now() + 30)

    assert (is_useful, clock.slept) == (False, [])

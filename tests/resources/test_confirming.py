"""A callback to the create's own URL is evidence: a one-use token in the URL names the create, the body the video."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Callable, List, Optional

import pytest

from bluma import Bluma
from bluma_async import errors
from bluma_async._session.in_flight import InFlightCall
from bluma_async._wire.messages import Request
from bluma_async.resources._creates.certain import CertainCreate
from bluma_async.types import CreateResult
from tests.fakes import FakeClock, answer, client_with, problem
from tests.resources.confirming import CUT, HELLO, URL, callback, listing, row, token_of


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


@pytest.mark.parametrize("failure", [CUT, problem(503)], ids=["uncertain", "refused"])
async def test_a_confirmed_create_is_not_sent_again_on_a_guess(failure: Any) -> None:
    """A callback names its video in the pause before a retry: even `on_ambiguous="retry"` reads it instead."""
    clock = CallingClock(1, lambda: client.confirm_create(token_of(transport), callback("v")))
    client, transport, _ = client_with(failure, answer(200, row("v")), clock=clock, on_ambiguous="retry")

    video = await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    assert (video.id, transport.sent) == ("v", ["POST /videos", "GET /videos/v"])


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

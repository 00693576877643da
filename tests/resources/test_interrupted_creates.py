"""An interrupted create is never unknown. Its key is logged, it is open, and `settle` resolves it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, AsyncIterator, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from bluma_async.types import CreateResult, OpenCreateState
from tests.fakes import START, answer, client_with, list_videos, problem

PROMPT = {"prompt": "p"}
TEMPLATE = "ugc-text-overlay"
KEY = "my-key"
CUT = errors.NetworkError("cut")
QUIET = list_videos()
ACCEPTED = answer(202, {"id": "batch_new", "status": "queued", "template_id": "t"})


class HookError(Exception):
    """An exception of the user's own code."""


def raise_error(*_: object) -> None:
    """Be a hook that fails."""
    raise HookError


async def hang(_: object) -> Any:
    """Never answer."""
    await asyncio.Event().wait()


def warnings(caplog: pytest.LogCaptureFixture) -> List[str]:
    """Return the warnings that the SDK has logged."""
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.fixture
async def exclusive(sandbox: Sandbox) -> AsyncIterator[AsyncBluma]:
    """Give a client that may adopt, and whose server accepts a create and never answers it."""
    options: Any = {"base_url": sandbox.base_url, "retry_delay": 0.0, "settle_time": 0.0, "exclusive": True}
    async with AsyncBluma(sandbox.live_key, **options) as client:
        await client.templates.list()
        sandbox.faults.add("POST /videos", "silent")
        yield client


async def accept_silently(sandbox: Sandbox, client: AsyncBluma) -> asyncio.Task[Any]:
    """Return a create that the server has accepted, and does not answer."""
    create = asyncio.ensure_future(client.videos.create(PROMPT, TEMPLATE, idempotency_key=KEY))
    while sandbox.state()["billed"] == 0:
        await asyncio.sleep(0.01)
    return create


async def require_settled(sandbox: Sandbox, client: AsyncBluma, log: List[str]) -> None:
    """Require that an interrupted create was logged, is open, and is settled as the one billed video."""
    assert [KEY in line for line in log] == [True]
    assert "was sent" not in log[0]
    assert [(create.idempotency_key, create.state) for create in client.open_creates] == [
        (KEY, OpenCreateState.UNCERTAIN)
    ]
    (settled,) = await client.settle()
    assert settled.result == CreateResult.ACCEPTED
    assert settled.video is not None
    assert [bill["metadata"]["video_id"] for bill in sandbox.ledger.bills()] == [settled.video.id]
    assert client.open_creates == []


async def test_a_cancelled_create(sandbox: Sandbox, exclusive: AsyncBluma, caplog: pytest.LogCaptureFixture) -> None:
    """A task that is cancelled while the server has accepted its create."""
    create = await accept_silently(sandbox, exclusive)
    create.cancel()

    with pytest.raises(asyncio.CancelledError):
        await create

    await require_settled(sandbox, exclusive, warnings(caplog))


async def test_a_create_in_a_timeout(sandbox: Sandbox, exclusive: AsyncBluma, caplog: pytest.LogCaptureFixture) -> None:
    """`asyncio.wait_for` and `asyncio.timeout` cancel the call; the caller gets no error of the SDK's."""
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(exclusive.videos.create(PROMPT, TEMPLATE, idempotency_key=KEY), 0.2)

    await require_settled(sandbox, exclusive, warnings(caplog))


async def test_closing_during_an_accepted_create(
    sandbox: Sandbox, exclusive: AsyncBluma, caplog: pytest.LogCaptureFixture
) -> None:
    """The create ends in doubt, and does not claim that nothing was sent; another client of the account settles it."""
    create = await accept_silently(sandbox, exclusive)
    await exclusive.aclose()

    with pytest.raises(errors.AmbiguousCreateError, match="may have been accepted and billed") as caught:
        await create

    assert caught.value.idempotency_key == KEY
    assert "was not sent:" not in str(caught.value)
    assert "nothing was sent" not in str(caught.value).lower()
    (stuck,) = await exclusive.settle()
    assert (stuck.result, len(exclusive.open_creates)) == (CreateResult.IN_DOUBT, 1)
    options: Any = {"base_url": sandbox.base_url, "settle_time": 0.0, "exclusive": True}
    async with AsyncBluma(sandbox.live_key, **options) as successor:
        await require_settled(sandbox, successor, warnings(caplog))


async def test_closing_while_a_create_waits_for_proof(caplog: pytest.LogCaptureFixture) -> None:
    """The wait for the settle time ends at once, in doubt; the create is not sent again."""
    client, transport, _ = client_with(CUT, QUIET)
    hanging = SleepsForever()
    client._session.shared.clock = hanging
    create = asyncio.ensure_future(client.videos.create(PROMPT, "t", idempotency_key=KEY))
    await hanging.is_sleeping.wait()

    await client.aclose()

    with pytest.raises(errors.AmbiguousCreateError, match="the client was closed"):
        await create
    assert transport.sent == ["POST /videos"]
    assert [KEY in line for line in warnings(caplog)] == [True]


class SleepsForever:
    """A clock whose sleep never ends."""

    def __init__(self) -> None:
        self.is_sleeping = asyncio.Event()

    def now(self) -> float:
        return 1000.0

    def utc(self) -> Any:
        return START

    async def sleep(self, seconds: float) -> None:
        self.is_sleeping.set()
        await asyncio.Event().wait()


async def test_a_response_hook_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    """The create was accepted before the hook raised: its video's id is logged and on the error; it can be settled."""
    video = answer(200, {"id": "batch_new", "status": "processing", "template_id": "t"})
    client, transport, _ = client_with(ACCEPTED, video, on_response=raise_error)

    with pytest.raises(HookError) as caught:
        await client.videos.create(PROMPT, "t", idempotency_key=KEY)

    assert vars(caught.value) == {"idempotency_key": KEY, "video_id": "batch_new"}
    (create,) = client.open_creates
    assert (create.state, create.video_id) == (OpenCreateState.ACCEPTED, "batch_new")
    (line,) = warnings(caplog)
    assert KEY in line
    assert "It became video batch_new" in line
    assert line.endswith("It is paid: wait for it by its id.")
    (settled,) = await client.with_options(on_response=None).settle()
    assert (settled.result, settled.video and settled.video.status) == (CreateResult.ACCEPTED, "processing")
    assert (client.open_creates, transport.sent) == ([], ["POST /videos", "GET /videos/batch_new"])


@pytest.mark.parametrize("hook", ["on_retry", "should_retry", "calculate_retry_delay"])
async def test_a_hook_that_raises_before_a_retry(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    """The request was out when the connection was cut: the create stays open, and is settled as not accepted."""
    client, transport, _ = client_with(CUT, QUIET, **{hook: raise_error})

    with pytest.raises(HookError) as caught:
        await client.videos.create(PROMPT, "t", idempotency_key=KEY)

    assert vars(caught.value) == {"idempotency_key": KEY}
    assert [create.state for create in client.open_creates] == [OpenCreateState.UNCERTAIN]
    assert [KEY in line for line in warnings(caplog)] == [True]
    (settled,) = await client.settle()
    assert (settled.result, settled.video, client.open_creates) == (CreateResult.NOT_ACCEPTED, None, [])
    assert transport.sent.count("POST /videos") == 1


async def test_a_request_hook_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    """Before the first request nothing was sent: no create is open, and nothing is logged."""
    client, transport, _ = client_with(ACCEPTED, on_request=raise_error)

    with pytest.raises(HookError):
        await client.videos.create(PROMPT, "t", idempotency_key=KEY)

    assert (client.open_creates, transport.requests, warnings(caplog)) == ([], [], [])


async def test_a_request_hook_that_raises_at_the_second_attempt(caplog: pytest.LogCaptureFixture) -> None:
    """The search has proven that the first request was not accepted, so nothing is open; `retry` has no such proof."""

    def raise_at_second(info: Any) -> None:
        if (info.method, info.attempt) == ("POST", 1):
            raise HookError

    proven, _, _ = client_with(CUT, QUIET, QUIET, on_request=raise_at_second)
    with pytest.raises(HookError):
        await proven.videos.create(PROMPT, "t", idempotency_key=KEY)
    assert (proven.open_creates, warnings(caplog)) == ([], [])

    blind, _, _ = client_with(CUT, on_request=raise_at_second, on_ambiguous="retry")
    with pytest.raises(HookError):
        await blind.videos.create(PROMPT, "t", idempotency_key="blind")
    assert [create.idempotency_key for create in blind.open_creates] == ["blind"]


async def test_a_cancelled_wait_for_proof(caplog: pytest.LogCaptureFixture) -> None:
    """A create that is cancelled between two searches is as uncertain as before."""
    client, _, _ = client_with(CUT, hang)
    create = asyncio.ensure_future(client.videos.create(PROMPT, "t", idempotency_key=KEY))
    await asyncio.sleep(0.01)

    create.cancel()

    with pytest.raises(asyncio.CancelledError):
        await create
    assert [create.state for create in client.open_creates] == [OpenCreateState.UNCERTAIN]
    assert [KEY in line for line in warnings(caplog)] == [True]


async def test_a_cancelled_pause_after_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    """A refused create was not accepted: cancelling its pause leaves nothing open, and logs nothing."""
    client, _, _ = client_with(problem(503))
    hanging = SleepsForever()
    client._session.shared.clock = hanging
    create = asyncio.ensure_future(client.videos.create(PROMPT, "t"))
    await hanging.is_sleeping.wait()

    create.cancel()

    with pytest.raises(asyncio.CancelledError):
        await create
    assert (client.open_creates, warnings(caplog)) == ([], [])

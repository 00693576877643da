"""Every provider in the registry, and a fourth one, against the sandbox: create, wait, save, callbacks, one bill."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import re
from pathlib import Path
from typing import Any, AsyncIterator, Dict, Iterator, List

import pytest
from aiohttp import web

from bluma_async import AsyncLuma, errors
from bluma_async.luma.registry import PROVIDERS
from bluma_async.sandbox import Sandbox
from tests.luma import fourth
from tests.luma.conformance import build_case, get_resource, make_client, start

FAST: Dict[str, Any] = {"poll_interval": 0.01}


@pytest.fixture(params=[*PROVIDERS, fourth.Fourth.name])
def provider(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return each provider's name; the fourth one is in the registry for one test only."""
    with fourth.register() if request.param == fourth.Fourth.name else contextlib.nullcontext():
        yield request.param


@pytest.fixture
async def luma(provider: str, sandbox: Sandbox) -> AsyncIterator[AsyncLuma]:
    """Return a client of the provider."""
    async with make_client(provider, sandbox) as made:
        yield made


async def test_from_a_prompt_to_a_file(luma: AsyncLuma, sandbox: Sandbox, tmp_path: Path) -> None:
    """A generation is created, waited for and saved; all providers return the same model."""
    made = await start(luma)
    wait = asyncio.ensure_future(get_resource(luma).wait_for(made.id, **FAST))
    await sandbox.advance(105)
    done = await wait
    size = await get_resource(luma).save(done, tmp_path / "x.mp4")

    assert (made.state, made.provider, made.state.is_final) == ("queued", luma.provider, False)
    assert (done.state, done.prompt, done.error, done.result_missing) == ("succeeded", "Flying jellyfish", None, False)
    assert done.url == done.videos[0].url
    assert done.created_at is not None
    assert done.created_at.year > 2000
    assert ((tmp_path / "x.mp4").stat().st_size, (tmp_path / "x.mp4").read_bytes()[4:8]) == (size, b"ftyp")
    assert "?" not in (repr(done).split("cdn/videos", 1)[1].split("'", 1)[0]).replace("?***", "")
    assert done.to_dict()["state"] == "succeeded"
    assert sandbox.state()["billed"] == 1


async def test_a_final_generation_is_not_read_again(luma: AsyncLuma, sandbox: Sandbox) -> None:
    """A wait for a final generation returns it unchanged, without a request."""
    made = await start(luma)
    await sandbox.advance(105)
    done = await get_resource(luma).wait_for(made.id, **FAST)
    count = len(sandbox.requests)

    assert await get_resource(luma).wait_for(done) is done
    assert len(sandbox.requests) == count


async def test_a_failed_one_is_returned(luma: AsyncLuma, sandbox: Sandbox, tmp_path: Path) -> None:
    """A failed generation is returned with its reason, and has no file to save."""
    made = await start(luma, "Hello [fail]")
    await sandbox.advance(105)

    done = await get_resource(luma).wait_for(made, **FAST)

    assert (done.state, done.error.message, done.url) == ("failed", "generation failed", None)
    with pytest.raises(errors.InvalidArgumentError, match="only one that succeeded"):
        await get_resource(luma).save(done, tmp_path / "x.mp4")


async def test_an_unknown_id(luma: AsyncLuma) -> None:
    """A read of an unknown id raises NotFoundError; an invalid id is refused before any request."""
    with pytest.raises(errors.NotFoundError):
        await get_resource(luma).get("4c9126f3-d9a6-4eaf-aa4c-b64b634f65bd")
    for wrong in ("", "  "):
        with pytest.raises(errors.InvalidArgumentError):
            await get_resource(luma).get(wrong)


async def test_a_wrong_key(provider: str, sandbox: Sandbox) -> None:
    """A wrong key raises AuthenticationError, whatever the HTTP status; the error does not contain the key."""
    async with AsyncLuma(provider, "secret_key_123", sandbox.luma_url(provider)) as luma:  # type: ignore[arg-type]  # a name
        with pytest.raises(errors.AuthenticationError) as caught:
            await start(luma)

    assert caught.value.status == 401
    assert "secret_key_123" not in repr(caught.value) + str(vars(caught.value)) + repr(luma)
    assert pickle.loads(pickle.dumps(caught.value)).status == 401


async def test_no_credit(provider: str) -> None:
    """An account without credits raises InsufficientCreditsError, whether the status is 402 or 403."""
    async with Sandbox(clock="manual", render=False, credits=1) as poor, make_client(provider, poor) as luma:
        with pytest.raises(errors.InsufficientCreditsError):
            await start(luma)
        assert poor.state()["billed"] == 0


@pytest.mark.parametrize("kind", ["drop_after", "silent"])
async def test_a_lost_answer_is_not_paid_twice(provider: str, sandbox: Sandbox, kind: str) -> None:
    """No provider lists generations, so an uncertain create is not retried: AmbiguousCreateError, one bill."""
    sandbox.faults.add(build_case(provider).create_route, kind)
    async with make_client(provider, sandbox, timeout=0.5) as luma:
        with pytest.raises(errors.AmbiguousCreateError) as caught:
            await start(luma)

        assert luma._session.evidence.open_calls == []

    assert caught.value.idempotency_key
    assert "no list that can be searched for it" in str(caught.value)
    assert "candidates" not in str(caught.value)
    assert sandbox.state()["billed"] == 1


async def test_a_cancelled_create_is_logged_and_closed(
    provider: str, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing can settle it later, so the log does not name a method that AsyncLuma does not have."""
    sandbox.faults.add(build_case(provider).create_route, "silent")
    async with make_client(provider, sandbox) as luma:
        create = asyncio.ensure_future(start(luma))
        while sandbox.state()["billed"] == 0:
            await asyncio.sleep(0.01)
        create.cancel()
        with pytest.raises(asyncio.CancelledError):
            await create
        assert luma._session.evidence.open_calls == []

    (line,) = [each for each in caplog.messages if "interrupted" in each]
    assert "may have been accepted and billed" in line
    assert "settle" not in line


async def test_a_hook_that_raises_after_a_create_does_not_hide_its_id(
    provider: str, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer was read before the hook, and its id is in the log."""

    def fail(_: object) -> None:
        raise LookupError("a mistake of the user's")

    async with make_client(provider, sandbox, on_response=fail) as luma:
        with pytest.raises(LookupError):
            await start(luma)

    (line,) = [each for each in caplog.messages if "interrupted" in each]
    assert re.search(r"was accepted and billed as \S+ .* Wait for it by this id", line)


async def test_a_lost_answer_may_be_paid_twice_on_request(provider: str, sandbox: Sandbox) -> None:
    """With `on_ambiguous="retry"` an uncertain create is retried."""
    sandbox.faults.add(build_case(provider).create_route, "drop_after")
    async with make_client(provider, sandbox, on_ambiguous="retry") as luma:
        await start(luma)

    assert sandbox.state()["billed"] == 2


async def test_a_503_is_no_refusal(luma: AsyncLuma, sandbox: Sandbox) -> None:
    """A gateway may answer 503, also with JSON, after the create was accepted: it is not sent again."""
    sandbox.faults.add(build_case(luma.provider).create_route, "status_after", status=503)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await start(luma)

    assert (caught.value.attempts, caught.value.accepted) == (1, False)
    assert sandbox.state()["billed"] == 1


async def test_many_wait_together(luma: AsyncLuma, sandbox: Sandbox) -> None:
    """Forty waits for twenty generations share polls, in as few requests as the provider allows."""
    made = [await start(luma, f"number {number}") for number in range(20)]
    await sandbox.advance(105)
    waits = (get_resource(luma).wait_for(each.id, **FAST) for each in made for _ in range(2))

    done = await asyncio.gather(*waits)

    assert [each.prompt for each in done] == [f"number {number}" for number in range(20) for _ in range(2)]
    reads = [record for record in sandbox.requests if record.method == "GET"]
    assert len(reads) == 20 // luma.capabilities.max_bulk


async def test_a_wait_that_times_out(luma: AsyncLuma) -> None:
    """The error has the last known state of the generation."""
    made = await start(luma)

    with pytest.raises(errors.WaitTimeoutError, match=r"last seen: (queued|running)") as caught:
        await get_resource(luma).wait_for(made.id, poll_interval=0.01, timeout=0.03)

    assert (caught.value.video_id, caught.value.last.id) == (made.id, made.id)  # type: ignore[union-attr]  # it was seen


async def test_polls_that_fail_do_not_end_a_wait(luma: AsyncLuma, sandbox: Sandbox) -> None:
    """After 5xx answers, cut connections and unreadable answers, the wait polls again."""
    made = await start(luma)
    await sandbox.advance(105)
    for kind in ("status", "drop_before", "html"):
        sandbox.faults.add("*", kind, times=2, status=503)

    assert (await get_resource(luma).wait_for(made.id, **FAST)).state == "succeeded"


async def test_success_without_a_file_is_polled_again(luma: AsyncLuma, sandbox: Sandbox) -> None:
    """The file of a finished generation may appear a few polls later."""
    made = await start(luma, "Hello [no-url]")
    await sandbox.advance(105)

    done = await get_resource(luma).wait_for(made.id, **FAST)

    assert (done.state, bool(done.url), done.result_missing) == ("succeeded", True, False)


async def test_an_expired_link_is_renewed(luma: AsyncLuma, sandbox: Sandbox, tmp_path: Path) -> None:
    """When the host of the file refuses the old link, the generation is read again for a new one."""
    made = await start(luma)
    await sandbox.advance(105)
    done = await get_resource(luma).wait_for(made.id, **FAST)
    await sandbox.advance(30 * 86400)

    await get_resource(luma).save(done, tmp_path / "x.mp4")

    assert (tmp_path / "x.mp4").stat().st_size > 0


@contextlib.asynccontextmanager
async def listening(statuses: List[int]) -> AsyncIterator[Any]:
    """Run a server that records callbacks, and answers with these statuses in turn."""
    received: List[Any] = []

    async def take(request: web.Request) -> web.Response:
        received.append((await request.read(), dict(request.headers)))
        return web.Response(status=statuses.pop(0) if len(statuses) > 1 else statuses[0])

    app = web.Application()
    app.router.add_post("/cb", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/cb", received
    await runner.cleanup()


async def test_callbacks_are_confirmed_by_a_read(provider: str, sandbox: Sandbox) -> None:
    """The generation in a callback is read, and waits for it poll at once; without callbacks, receiving is refused."""
    async with make_client(provider, sandbox) as luma:
        if not luma.capabilities.callback:
            with pytest.raises(errors.InvalidArgumentError, match="cannot call back"):
                await get_resource(luma).receive_callback(b"{}", {})
            return
        async with listening([500, 200]) as (url, received):
            made = await start(luma, callback_url=url)
            wait = asyncio.ensure_future(get_resource(luma).wait_for(made.id, poll_interval=3600))
            while not [record for record in sandbox.requests if record.method == "GET"]:
                await asyncio.sleep(0)
            await sandbox.advance(105)
            await sandbox.advance(60)
            body, headers = received[1]
            confirmed = await get_resource(luma).receive_callback(body, headers)

            assert (confirmed.id, confirmed.state, len(received)) == (made.id, "succeeded", 2)
            assert (await wait).state == "succeeded"
        with pytest.raises(errors.WebhookVerificationError):
            await get_resource(luma).receive_callback(b"nonsense", {})

"""Every provider, against the sandbox: started, waited for, saved, told of, and never billed twice."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
from pathlib import Path
from typing import Any, AsyncIterator, Dict, List

import pytest
from aiohttp import web

from bluma_async import AsyncLuma, errors
from bluma_async.sandbox import Sandbox
from tests.luma.conformance import CASES, client_of, resource_of, start

FAST: Dict[str, Any] = {"poll_interval": 0.01}


@pytest.fixture(params=CASES)
def provider(request: pytest.FixtureRequest) -> str:
    """Give each provider's name."""
    return str(request.param)


@pytest.fixture
async def luma(provider: str, sandbox: Sandbox) -> AsyncIterator[AsyncLuma]:
    """Give a client of it."""
    async with client_of(provider, sandbox) as made:
        yield made


async def test_from_a_prompt_to_a_file(luma: AsyncLuma, sandbox: Sandbox, tmp_path: Path) -> None:
    """Created, waited for, saved; the model is the same whoever the provider is."""
    made = await start(luma)
    wait = asyncio.ensure_future(resource_of(luma).wait_for(made.id, **FAST))
    await sandbox.advance(105)
    done = await wait
    size = await resource_of(luma).save(done, tmp_path / "x.mp4")

    assert (made.state, made.provider, made.state.is_final) == ("queued", luma.provider, False)
    assert (done.state, done.prompt, done.error, done.result_missing) == ("succeeded", "Flying jellyfish", None, False)
    assert done.url == done.videos[0].url
    assert done.created_at is not None
    assert done.created_at.year > 2000
    assert ((tmp_path / "x.mp4").stat().st_size, (tmp_path / "x.mp4").read_bytes()[4:8]) == (size, b"ftyp")
    assert "?" not in (repr(done).split("cdn/videos", 1)[1].split("'", 1)[0]).replace("?***", "")
    assert done.to_dict()["state"] == "succeeded"
    assert sandbox.state()["billed"] == 1


async def test_what_is_over_is_not_asked_for_again(luma: AsyncLuma, sandbox: Sandbox) -> None:
    """A final generation is returned as it is, without a request."""
    made = await start(luma)
    await sandbox.advance(105)
    done = await resource_of(luma).wait_for(made.id, **FAST)
    count = len(sandbox.requests)

    assert await resource_of(luma).wait_for(done) is done
    assert len(sandbox.requests) == count


async def test_a_failed_one_is_returned(luma: AsyncLuma, sandbox: Sandbox, tmp_path: Path) -> None:
    """With a reason, and nothing to save."""
    made = await start(luma, "Hello [fail]")
    await sandbox.advance(105)

    done = await resource_of(luma).wait_for(made, **FAST)

    assert (done.state, done.error.message, done.url) == ("failed", "generation failed", None)
    with pytest.raises(errors.InvalidArgumentError, match="only one that succeeded"):
        await resource_of(luma).save(done, tmp_path / "x.mp4")


async def test_what_nobody_knows(luma: AsyncLuma) -> None:
    """A read says so; what cannot be an id is refused before any request."""
    with pytest.raises(errors.NotFoundError):
        await resource_of(luma).get("4c9126f3-d9a6-4eaf-aa4c-b64b634f65bd")
    for wrong in ("", "  "):
        with pytest.raises(errors.InvalidArgumentError):
            await resource_of(luma).get(wrong)


async def test_a_wrong_key(provider: str, sandbox: Sandbox) -> None:
    """An AuthenticationError, whatever the HTTP status; and the key is in none of it."""
    async with AsyncLuma(provider, "secret_key_123", sandbox.luma_url(provider)) as luma:  # type: ignore[arg-type]  # a name
        with pytest.raises(errors.AuthenticationError) as told:
            await start(luma)

    assert told.value.status == 401
    assert "secret_key_123" not in repr(told.value) + str(vars(told.value)) + repr(luma)
    assert pickle.loads(pickle.dumps(told.value)).status == 401


async def test_no_credit(provider: str) -> None:
    """An InsufficientCreditsError, whether it comes as 402 or 403."""
    async with Sandbox(clock="manual", render=False, credits=1) as poor, client_of(provider, poor) as luma:
        with pytest.raises(errors.InsufficientCreditsError):
            await start(luma)
        assert poor.state()["billed"] == 0


@pytest.mark.parametrize("kind", ["drop_after", "silent"])
async def test_a_lost_answer_is_not_paid_twice(provider: str, sandbox: Sandbox, kind: str) -> None:
    """Nothing can be looked up, so nothing is repeated: AmbiguousCreateError, one bill."""
    sandbox.faults.add(CASES[provider].create_route, kind)
    async with client_of(provider, sandbox, timeout=0.5) as luma:
        with pytest.raises(errors.AmbiguousCreateError) as told:
            await start(luma)

    assert told.value.idempotency_key
    assert sandbox.state()["billed"] == 1


async def test_a_lost_answer_may_be_paid_twice_on_request(provider: str, sandbox: Sandbox) -> None:
    """`on_ambiguous="retry"` is the caller's choice."""
    sandbox.faults.add(CASES[provider].create_route, "drop_after")
    async with client_of(provider, sandbox, on_ambiguous="retry") as luma:
        await start(luma)

    assert sandbox.state()["billed"] == 2


async def test_what_certainly_was_not_accepted_is_repeated(luma: AsyncLuma, sandbox: Sandbox) -> None:
    """A 503, say."""
    sandbox.faults.add(CASES[luma.provider].create_route, "status", status=503)

    await start(luma)

    assert sandbox.state()["billed"] == 1


async def test_many_wait_together(luma: AsyncLuma, sandbox: Sandbox) -> None:
    """Forty waits, two for each: one look for both, and as few requests as the provider lets."""
    made = [await start(luma, f"number {number}") for number in range(20)]
    await sandbox.advance(105)
    waits = (resource_of(luma).wait_for(each.id, **FAST) for each in made for _ in range(2))

    done = await asyncio.gather(*waits)

    assert [each.prompt for each in done] == [f"number {number}" for number in range(20) for _ in range(2)]
    reads = [record for record in sandbox.requests if record.method == "GET"]
    assert len(reads) == 20 // luma.capabilities.max_bulk


async def test_a_wait_that_times_out(luma: AsyncLuma) -> None:
    """It says what was seen last; the generation goes on."""
    made = await start(luma)

    with pytest.raises(errors.WaitTimeoutError, match=r"last seen: (queued|running)") as told:
        await resource_of(luma).wait_for(made.id, poll_interval=0.01, timeout=0.03)

    assert (told.value.video_id, told.value.last.id) == (made.id, made.id)  # type: ignore[union-attr]  # it was seen


async def test_polls_that_fail_do_not_end_a_wait(luma: AsyncLuma, sandbox: Sandbox) -> None:
    """5xx answers and cuts are looks that saw nothing."""
    made = await start(luma)
    await sandbox.advance(105)
    for kind in ("status", "drop_before", "html"):
        sandbox.faults.add("*", kind, times=2, status=503)

    assert (await resource_of(luma).wait_for(made.id, **FAST)).state == "succeeded"


async def test_success_without_a_file_is_looked_at_again(luma: AsyncLuma, sandbox: Sandbox) -> None:
    """For a few polls; then it is there."""
    made = await start(luma, "Hello [no-url]")
    await sandbox.advance(105)

    done = await resource_of(luma).wait_for(made.id, **FAST)

    assert (done.state, bool(done.url), done.result_missing) == ("succeeded", True, False)


async def test_an_expired_link_is_read_again_once(luma: AsyncLuma, sandbox: Sandbox, tmp_path: Path) -> None:
    """The file's host gets no key, and refuses the old link; a new one is asked for."""
    made = await start(luma)
    await sandbox.advance(105)
    done = await resource_of(luma).wait_for(made.id, **FAST)
    await sandbox.advance(30 * 86400)

    await resource_of(luma).save(done, tmp_path / "x.mp4")

    assert (tmp_path / "x.mp4").stat().st_size > 0


@contextlib.asynccontextmanager
async def listening(statuses: List[int]) -> AsyncIterator[Any]:
    """Take callbacks in; answer with these statuses."""
    came: List[Any] = []

    async def take(request: web.Request) -> web.Response:
        came.append((await request.read(), dict(request.headers)))
        return web.Response(status=statuses.pop(0) if len(statuses) > 1 else statuses[0])

    app = web.Application()
    app.router.add_post("/cb", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/cb", came
    await runner.cleanup()


async def test_callbacks_are_confirmed_by_a_read(provider: str, sandbox: Sandbox) -> None:
    """What a callback tells of is read, and whoever waits looks at once; who cannot call back says so."""
    async with client_of(provider, sandbox) as luma:
        if not CASES[provider].callback_argument:
            assert not luma.capabilities.callback
            with pytest.raises(errors.InvalidArgumentError, match="cannot call back"):
                await resource_of(luma).receive_callback(b"{}", {})
            return
        async with listening([500, 200]) as (url, came):
            made = await start(luma, callback_url=url)
            wait = asyncio.ensure_future(resource_of(luma).wait_for(made.id, poll_interval=3600))
            while not [record for record in sandbox.requests if record.method == "GET"]:
                await asyncio.sleep(0)
            await sandbox.advance(105)
            await sandbox.advance(60)
            body, headers = came[1]
            told = await resource_of(luma).receive_callback(body, headers)

            assert (told.id, told.state, len(came)) == (made.id, "succeeded", 2)
            assert (await wait).state == "succeeded"
        with pytest.raises(errors.WebhookVerificationError):
            await resource_of(luma).receive_callback(b"nonsense", {})

"""Waits share requests, and one bad id or one waiter does not affect the others."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Dict, List
from urllib.parse import parse_qsl, urlsplit

import pytest

from bluma import Bluma, Luma
from bluma_async import AsyncBluma, AsyncLuma, errors
from bluma_async._wire.messages import Answer
from bluma_async.sandbox import Sandbox
from tests.fakes import FakeClock, FakeTransport, answer
from tests.live import Live
from tests.luma.conformance import make_client, start


class Umami:
    """A provider that answers bulk reads by the fake clock."""

    def __init__(self, clock: FakeClock, ends: Dict[str, float]) -> None:
        self._clock = clock
        self._ends = {name: clock.time + end for name, end in ends.items()}
        self.requested: List[List[str]] = []

    def __call__(self, request: Any) -> Answer:
        query = parse_qsl(urlsplit(request.url).query)
        assert [name for name, _ in query] == [f"ids[{number}]" for number in range(len(query))]
        ids = [value for _, value in query]
        self.requested.append(ids)
        if "invalid" in ids:
            return answer(400, {"message": "each value in ids must be a UUID"})
        rows = [
            {"id": name, "state": "completed", "video": {"url": f"https://x/{name}"}}
            if self._clock.time >= self._ends[name]
            else {"id": name, "state": "processing"}
            for name in ids
            if name in self._ends
        ]
        return answer(200, rows[::-1])


def serve(ends: Dict[str, float]) -> Any:
    """Return a client of such a provider, the provider, and the clock."""
    clock = FakeClock()
    server = Umami(clock, ends)
    return AsyncLuma("umami", "key", transport=FakeTransport(server, clock=clock), clock=clock), server, clock


async def wait_all(luma: AsyncLuma, names: Any, **options: Any) -> List[Any]:
    """Wait for all names at once."""
    waits = (luma.generations.wait_for(name, **options) for name in names)
    return list(await asyncio.gather(*waits, return_exceptions=True))


async def test_a_thousand_waits() -> None:
    """A thousand waits take at most a fifteenth of the requests of a loop for each job."""
    ends = {f"g{number}": 20.0 + (number * 37) % 200 for number in range(1000)}
    luma, server, _ = serve(ends)

    done = await wait_all(luma, ends)

    without_sharing = sum(int(end // 5) + 2 for end in ends.values())
    assert {each.state for each in done} == {"succeeded"}
    assert [each.id for each in done] == list(ends)
    assert max(map(len, server.requested)) == 20
    assert len(server.requested) <= without_sharing / 15


@pytest.mark.parametrize("count", [1, 19, 20, 21, 40])
async def test_twenty_at_once(count: int) -> None:
    """No request has more than twenty ids, and only the last one has fewer."""
    luma, server, _ = serve({f"g{number}": 0.0 for number in range(count)})

    await wait_all(luma, [f"g{number}" for number in range(count)])

    assert sorted(map(len, server.requested), reverse=True) == [20] * (count // 20) + [count % 20] * bool(count % 20)


async def test_an_invalid_id_fails_alone() -> None:
    """A bulk read that fails because of one id is halved until that id is alone."""
    names = [f"g{number}" for number in range(30)]
    luma, server, _ = serve(dict.fromkeys(names, 0.0))

    *done, failed = await wait_all(luma, [*names, "invalid"])

    assert {each.state for each in done} == {"succeeded"}
    assert isinstance(failed, errors.ValidationError)
    assert len(server.requested) <= 12


async def test_an_id_that_a_bulk_read_leaves_out(sandbox: Sandbox) -> None:
    """After three misses an id is read alone; it is returned if it exists, and not found otherwise."""
    names = [f"g{number}" for number in range(5)]
    luma, server, _ = serve(dict.fromkeys(names, 200.0))

    *done, unknown = await wait_all(luma, [*names, "missing"])

    assert isinstance(unknown, errors.NotFoundError)
    assert {each.state for each in done} == {"succeeded"}
    assert ["missing"] in server.requested
    async with make_client("umami", sandbox) as real:
        made = [await start(real, prompt) for prompt in ("a", "b [lost]", "c", "d", "e", "f")]
        await sandbox.advance(105)
        found = [await real.generations.get(each.id) for each in made]
    assert {each.state for each in found} == {"succeeded"}


@pytest.mark.parametrize(
    "odd", [{"id": None, "error": "not found"}, "not found", 7, None, [], [{"id": "a"}, {"id": "b"}]]
)
async def test_an_odd_row_of_a_bulk_read_concerns_its_own_id(odd: Any) -> None:
    """The waits for all other generations end; the id that the row stands for is read alone, and reported."""
    names = [f"g{number}" for number in range(5)]
    clock, requested = FakeClock(), []

    def reply(request: Any) -> Answer:
        ids = [value for _, value in parse_qsl(urlsplit(request.url).query)]
        requested.append(ids)
        done = {"state": "completed", "video": {"url": "https://x/1"}}
        return answer(200, [odd if name == "g0" else {"id": name, **done} for name in ids])

    luma = AsyncLuma("umami", "key", transport=FakeTransport(reply, clock=clock), clock=clock)

    missing, *done = await wait_all(luma, names)

    assert {each.state for each in done} == {"succeeded"}
    assert requested.count(names) == 1
    assert isinstance(missing, errors.NotFoundError)


async def test_an_answer_without_a_list_is_no_miss() -> None:
    """An object that is no generation says nothing about the ids: the poll is repeated, and the wait ends normally."""
    done = {"id": "g0", "state": "completed", "video": {"url": "https://x/1"}}
    replies = [answer(200, body) for body in ({"message": "busy"}, b"null", b"", done)]
    clock = FakeClock()
    transport = FakeTransport(*replies, clock=clock)
    async with AsyncLuma("umami", "key", transport=transport, clock=clock) as luma:
        assert (await luma.generations.wait_for("g0")).state == "succeeded"

    assert len(transport.requests) == 4


async def test_each_waiter_has_its_own_end() -> None:
    """The timeout or cancellation of one waiter does not affect the others."""
    luma, _, _ = serve({"a": 20.0, "b": 1e9})
    late = asyncio.ensure_future(luma.generations.wait_for("b", timeout=7))
    cancelled = asyncio.ensure_future(luma.generations.wait_for("a"))
    kept = asyncio.ensure_future(luma.generations.wait_for("a"))
    await asyncio.sleep(0)

    cancelled.cancel()

    assert (await kept).state == "succeeded"
    with pytest.raises(errors.WaitTimeoutError):
        await late
    assert cancelled.cancelled()


async def test_a_closed_client_ends_its_waits() -> None:
    """Closing the client ends its waits with a clear error."""
    luma, _, _ = serve({"a": 1e12})
    wait = asyncio.ensure_future(luma.generations.wait_for("a", timeout=1e13))
    await asyncio.sleep(0)

    await luma.aclose()

    with pytest.raises(errors.BlumaError, match="closed"):
        await wait
    with pytest.raises(errors.BlumaError, match="closed"):
        await luma.generations.get("a")


def test_both_clients_share_code() -> None:
    """Both clients use the same classes for session and polling."""
    bluma, luma = AsyncBluma("bluma_test_key"), AsyncLuma("vapi", "key")

    assert type(bluma._session) is type(luma._session)
    assert type(bluma._hub) is type(luma._hub)


def test_keys_and_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each provider has its own environment variables; missing and invalid values raise before any request."""
    for provider, variable in (("kie", "KIE"), ("umami", "UMAMI"), ("vapi", "VAPI")):
        with pytest.raises(errors.BlumaError, match=f"{variable}_API_KEY"):
            AsyncLuma(provider)  # type: ignore[arg-type]  # a name
        monkeypatch.setenv(f"{variable}_API_KEY", "secret_0123456789")
        luma = AsyncLuma(provider)  # type: ignore[arg-type]  # a name
        assert re.fullmatch(
            rf"AsyncLuma\(provider='{provider}', base_url='https://api\.\S+', api_key='\*\*\*'\)", repr(luma)
        )
        monkeypatch.setenv(f"{variable}_BASE_URL", "http://127.0.0.1:1")
        assert "127.0.0.1" in repr(AsyncLuma(provider))  # type: ignore[arg-type]  # a name
    with pytest.raises(errors.InvalidArgumentError, match="provider must be one of kie, umami, vapi"):
        AsyncLuma("sora", "key")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(errors.InvalidArgumentError, match="timeout"):
        AsyncLuma("kie", "key", timeout=-1)
    assert AsyncLuma("kie", "key").with_options(timeout=3)._session.options.timeout == 3


def test_the_blocking_twin(tmp_path: Any) -> None:
    """The blocking client offers the same, also beside a Bluma client in the same event loop."""
    with Live(at_once=True) as sandbox:
        with Luma("umami", sandbox.live_key, sandbox.luma_url("umami")) as luma:
            flying = luma.generations.create("Flying jellyfish", aspect_ratio="16:9", expand_prompt=True)
            done = luma.generations.wait_for(flying, poll_interval=0.01)
            longer = luma.generations.extend(done.id, "with a hat")
            luma.generations.wait_for(longer.id, poll_interval=0.01)
            size = luma.generations.save(longer.id, tmp_path / "x.mp4")
            assert (tmp_path / "x.mp4").stat().st_size == size
            assert luma.capabilities.max_bulk == 20
            assert repr(luma.with_options(timeout=3)).startswith("Luma(provider='umami'")
            assert (luma.provider, luma.generations.get(longer.id).parent_id) == ("umami", flying.id)
            with pytest.raises(errors.InvalidArgumentError, match="cannot call back"):
                luma.generations.receive_callback(b"{}", {})
        with Luma("kie", sandbox.live_key, sandbox.luma_url("kie")) as luma, Bluma(
            sandbox.live_key, base_url=sandbox.base_url
        ) as bluma:
            task = luma.modifications.create("Neon city", video_url="https://example.com/in.mp4")
            done = luma.modifications.wait_for(task.id, poll_interval=0.01)
            assert luma.modifications.get(task.id).url
            assert luma.modifications.receive_callback(b'{"data": {"taskId": "%s"}}' % task.id.encode(), {}).url
            assert luma.modifications.save(done, tmp_path / "y.mp4") > 0
            assert bluma.credits.get_balance().credits == 494


async def test_an_unsupported_operation_is_refused() -> None:
    """An unsupported operation is refused before any request; the error lists the supported ones."""
    transport = FakeTransport(answer(200, {}))
    kie = AsyncLuma("kie", "key", transport=transport)
    umami = AsyncLuma("umami", "key", transport=transport)
    attempts: Dict[str, Any] = {
        "kie cannot generate videos from prompts; it can modify, callback": lambda: kie.generations.create("x"),
        "kie cannot extend videos": lambda: kie.generations.extend("a", "x"),
        "umami cannot modify videos; it can generate, extend": lambda: umami.modifications.create("x", video_url="y"),
        "umami cannot call back": lambda: umami.generations.receive_callback(b"{}", {}),
    }

    for message, attempt in attempts.items():
        with pytest.raises(errors.InvalidArgumentError, match=message):
            await attempt()
    assert transport.requests == []


async def test_an_extension_keeps_the_ratio(sandbox: Sandbox) -> None:
    """An extension has the ratio of the generation that it extends, or the ratio that is given."""
    async with make_client("umami", sandbox) as luma:
        made = await start(luma, aspect_ratio="9:16")
        await sandbox.advance(105)
        longer = await luma.generations.extend(made.id, "with a hat")
        wider = await luma.generations.extend(made.id, "with a hat", aspect_ratio="21:9")
        other_client = luma.with_options(timeout=3)
        other_client._lifecycle.source._records.clear()
        unknown = await luma.generations.extend(made.id, "with a hat")

    rows = {row["id"]: row["payload"]["aspect_ratio"] for row in sandbox._running.jobs.all()}
    assert [rows[each.id] for each in (made, longer, wider, unknown)] == ["9:16", "9:16", "21:9", "16:9"]


async def test_a_copy_remembers_what_its_original_made(sandbox: Sandbox) -> None:
    """A copy of a client knows the parents of the extensions that its original created."""
    async with make_client("vapi", sandbox) as luma:
        made = await start(luma)
        await sandbox.advance(105)
        longer = await luma.generations.extend(made.id, "with a hat")

        assert (await luma.with_options(timeout=3).generations.get(longer.id)).parent_id == made.id

"""The portal: one loop for all, callbacks in the caller's thread, clear refusals."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Callable, List, Optional

import aiohttp
import pytest

from bluma import AsyncBluma, Bluma
from bluma.errors import BlumaError, InvalidArgumentError, NotFoundError
from bluma_sync._portal import entered, iterate, run
from tests.live import Live

PROMPT = {"prompt": "Hello"}
TEMPLATE = "ugc-text-overlay"
WHO: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


def in_a_thread(work: Callable[[], Any]) -> Any:
    """Run work in another thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def test_the_whole_job(bluma: Bluma, tmp_path: Path) -> None:
    """Items 3 and 17: create, wait, download, save, list; without a single await."""
    video = bluma.videos.create(PROMPT, TEMPLATE)
    seen: List[int] = []

    done = bluma.videos.wait_for(video.id, on_progress=seen.append)
    size = bluma.videos.save(done.id, tmp_path / "video.mp4")

    assert (done.status, seen[0], seen[-1], seen) == ("completed", 0, 100, sorted(seen))
    assert (tmp_path / "video.mp4").stat().st_size == size == done.size_bytes
    assert "signed" in bluma.videos.download(done.id).download_url
    assert [listed.id for listed in bluma.videos.iterate(page_size=1)] == [video.id]


def test_one_client_in_many_threads(bluma: Bluma) -> None:
    """Items 16 and 17: one client, three threads, three videos, one loop."""
    with ThreadPoolExecutor(max_workers=3) as pool:
        futures = [pool.submit(bluma.videos.create, template_id=TEMPLATE, context=PROMPT) for _ in range(3)]
        videos = [future.result() for future in futures]

    assert len({video.id for video in videos}) == 3
    assert [thread.name for thread in threading.enumerate()].count("bluma") == 1


def test_callbacks_run_in_the_callers_thread(live: Live, bluma: Bluma, tmp_path: Path) -> None:
    """Progress, hooks and retry functions see the caller's thread, its thread-locals and its context, and can call."""
    mine, local, told = threading.get_ident(), threading.local(), []  # type: ignore[var-annotated]  # names follow
    local.word = "mine"

    def note(name: str, outcome: Any = None) -> Callable[..., Any]:
        def noted(*_: object) -> Any:
            told.append((name, threading.get_ident() == mine, getattr(local, "word", None), WHO.get()))
            return outcome

        return noted

    hooks = {name: note(name) for name in ("on_request", "on_response", "on_retry")}
    client = bluma.with_options(should_retry=note("retry", True), calculate_retry_delay=note("delay", 0.0), **hooks)
    live.sandbox.faults.add("GET /videos/{id}", "status", times=1, status=503)
    video = bluma.videos.create(PROMPT, TEMPLATE)

    def call() -> None:
        WHO.set("caller")
        client.videos.wait_for(video.id, on_progress=note("progress"))
        client.videos.save(video.id, tmp_path / "video.mp4", on_progress=note("bytes"))

    contextvars.copy_context().run(call)

    assert {name for name, *_ in told} == {*hooks, "retry", "delay", "progress", "bytes"}
    assert {facts[1:] for facts in told} == {(True, "mine", "caller")}


def test_a_callback_may_call_the_client(bluma: Bluma) -> None:
    """The loop is free while a callback runs."""
    video = bluma.videos.create(PROMPT, TEMPLATE)
    balances: List[int] = []

    bluma.videos.wait_for(video.id, on_progress=lambda _: balances.append(bluma.credits.get_balance().credits))

    assert set(balances) == {498}


def test_an_async_callback_is_awaited(bluma: Bluma) -> None:
    """It is called in the caller's thread, and awaited in the loop."""
    video = bluma.videos.create(PROMPT, TEMPLATE)
    told: List[int] = []

    async def later(percent: int) -> None:
        await asyncio.sleep(0)
        told.append(percent)

    bluma.videos.wait_for(video.id, on_progress=later)

    assert told[-1] == 100


@pytest.mark.parametrize("error", [ZeroDivisionError("mine"), KeyboardInterrupt(), SystemExit(3), StopIteration()])
def test_what_a_callback_raises_comes_out(live: Live, bluma: Bluma, error: BaseException) -> None:
    """It ends the call; nothing is polled any more, and the client works."""
    video = bluma.videos.create(PROMPT, TEMPLATE)

    def fail(_: int) -> None:
        raise error

    expected = RuntimeError if isinstance(error, StopIteration) else type(error)  # as in any coroutine
    with pytest.raises(expected) as raised:
        bluma.videos.wait_for(video.id, on_progress=fail)
    polls = [record for record in live.sandbox.requests if record.route == "GET /videos/{id}"]

    assert raised.value is error or raised.value.__cause__ is error
    assert len(polls) == 1
    assert bluma.templates.list()


def test_what_an_async_callback_raises_ends_no_loop(bluma: Bluma) -> None:
    """SystemExit inside the loop ends the call, not the loop that all clients share."""
    video = bluma.videos.create(PROMPT, TEMPLATE)

    async def leave(_: int) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        bluma.videos.wait_for(video.id, on_progress=leave)

    assert bluma.templates.list()


def test_a_callback_that_never_returns_holds_up_nobody_else(bluma: Bluma) -> None:
    """Other threads' calls go on."""
    video = bluma.videos.create(PROMPT, TEMPLATE)
    stuck, free = threading.Event(), threading.Event()

    def stick(_: int) -> None:
        stuck.set()
        free.wait()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bluma.videos.wait_for, video.id, on_progress=stick)
        stuck.wait()
        templates = bluma.templates.list()
        free.set()

    assert (len(templates), waiting.result().status) == (5, "completed")


def test_a_call_from_the_loops_own_thread_is_refused(bluma: Bluma) -> None:
    """It would wait for itself; the error says what to do instead."""
    video = bluma.videos.create(PROMPT, TEMPLATE)

    async def call(_: int) -> None:
        bluma.templates.list()

    with pytest.raises(BlumaError, match="use AsyncBluma in them"):
        bluma.videos.wait_for(video.id, on_progress=call)


def test_a_call_inside_a_running_loop_works(bluma: Bluma) -> None:
    """A notebook has a loop running in every cell."""

    async def cell() -> int:
        return len(bluma.templates.list())

    assert in_a_thread(lambda: asyncio.run(cell())) == 5


def test_another_loops_session_is_refused() -> None:
    """A session of one's own belongs to one's own loop; the blocking client's is another."""

    async def lend() -> Optional[BlumaError]:
        async with aiohttp.ClientSession() as session:
            client = Bluma("bluma_test_key", base_url="http://127.0.0.1:1", http_session=session)
            try:
                client.templates.list()
            except InvalidArgumentError as refusal:
                return refusal
        return None

    assert "another event loop" in str(in_a_thread(lambda: asyncio.run(lend())))


def test_closing(live: Live) -> None:
    """Item 15: a block closes, also on an exception; closing again does nothing; a call afterwards is told why not."""
    sandbox = live.sandbox
    client = Bluma(sandbox.test_key, base_url=sandbox.base_url)
    with pytest.raises(ZeroDivisionError), client as entered:
        _ = 1 // (len(client.templates.list()) - 5)

    assert entered is client
    client.close()
    client.close()

    with pytest.raises(BlumaError, match="closed, and nothing was sent"):
        client.templates.list()


def test_tracebacks_are_short(bluma: Bluma) -> None:
    """The first line is the user's, the last one where it happened, and at most two in between are the portal's."""
    video = bluma.videos.create(PROMPT, TEMPLATE)

    def fail(_: int) -> None:
        raise ZeroDivisionError

    def refused(_: int) -> None:
        bluma.videos.get("batch_unknown")

    for callback, expected in ((fail, "fail"), (refused, "read_answer")):
        with pytest.raises((ZeroDivisionError, NotFoundError)) as raised:
            bluma.videos.wait_for(video.id, on_progress=callback)
        frames = traceback.extract_tb(raised.tb)
        assert (frames[0].name, frames[-1].name) == ("test_tracebacks_are_short", expected)
        calls = 1 if callback is fail else 2
        assert sum("bluma_sync/_" in frame.filename for frame in frames) <= 2 * calls


def test_a_refused_call_has_a_short_traceback_too(bluma: Bluma) -> None:
    """Whatever the portal itself says is said from one or two of its lines."""

    async def call() -> List[traceback.FrameSummary]:
        try:
            bluma.templates.list()
        except BlumaError as refusal:
            return list(traceback.extract_tb(refusal.__traceback__))
        return []

    frames = run(call())

    assert 1 <= sum("bluma_sync/_" in frame.filename for frame in frames) <= 2


def test_errors_keep_what_caused_them(bluma: Bluma) -> None:
    """An error crosses threads as it is."""
    with pytest.raises(NotFoundError) as raised:
        bluma.videos.get("batch_unknown")

    assert (raised.value.status, raised.value.attempts) == (404, 1)


def test_a_coroutine_that_is_cancelled_inside_says_so() -> None:
    """Nobody outside knows CancelledError."""

    async def cancel() -> None:
        raise asyncio.CancelledError

    with pytest.raises(BlumaError, match="cancelled in the loop"):
        run(cancel())


class Source:
    """Things to iterate over and to enter, which note in which tasks they run."""

    def __init__(self) -> None:
        self.tasks: List[Optional[asyncio.Task[Any]]] = []
        self.end = "open"

    async def items(self, count: int) -> AsyncIterator[int]:
        try:
            for number in range(count):
                self.tasks.append(asyncio.current_task())
                yield number
        finally:
            self.tasks.append(asyncio.current_task())
            self.end = "closed"

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[str]:
        self.tasks.append(asyncio.current_task())
        try:
            yield "inside"
        except KeyError:
            self.end = "handled"
        except asyncio.CancelledError:
            self.end = "cancelled"
            raise
        else:
            self.end = "left"
        self.tasks.append(asyncio.current_task())


def test_an_async_generator_becomes_a_generator() -> None:
    """It runs in one task, and one item at a time."""
    source = Source()

    items = list(iterate(source.items(3)))

    assert (items, source.end, len(set(source.tasks))) == ([0, 1, 2], "closed", 1)


def test_an_iteration_that_stops_early_closes_its_source() -> None:
    """Nothing is fetched ahead, and nothing stays open."""
    source = Source()

    for number in iterate(source.items(1000)):
        if number == 1:
            assert len(source.tasks) == 2
            break

    assert (source.end, len(source.tasks), len(set(source.tasks))) == ("closed", 3, 1)


def test_an_async_context_manager_becomes_a_context_manager() -> None:
    """It is entered and left in one task; what is raised inside is the manager's to handle."""
    calm, handled, interrupted = Source(), Source(), Source()

    with entered(calm.entered()) as value:
        inside = value
    with entered(handled.entered()):
        raise KeyError
    with pytest.raises(KeyboardInterrupt), entered(interrupted.entered()):
        raise KeyboardInterrupt

    assert (inside, calm.end, handled.end, interrupted.end) == ("inside", "left", "handled", "cancelled")
    assert len(set(calm.tasks)) == 1
    with pytest.raises(ValueError, match="not handled"), entered(Source().entered()):
        raise ValueError("not handled")


def test_options_copies_share_the_connections(live: Live) -> None:
    """`with_options` gives a blocking client, of the same class."""

    class Mine(Bluma):
        """A subclass."""

    with Mine(live.sandbox.test_key, base_url=live.sandbox.base_url) as client:
        copy = client.with_options(timeout=5)

        assert type(copy) is Mine
        assert copy.templates.list()
        assert copy.rate_limit == client.rate_limit != None  # noqa: E711 - the copy's requests count for both
        assert repr(copy) == f"Mine(base_url='{live.sandbox.base_url}', api_key='***')"


def test_both_clients_in_one_program(live: Live, bluma: Bluma) -> None:
    """An async client in a loop of its own minds nothing of the blocking one."""

    async def count() -> int:
        async with AsyncBluma(live.sandbox.test_key, base_url=live.sandbox.base_url) as client:
            return len(await client.templates.list()) + len(bluma.templates.list())

    assert in_a_thread(lambda: asyncio.run(count())) == 10


def test_waits_of_many_threads_share_their_polls(live: Live, bluma: Bluma) -> None:
    """Eight threads wait for one video, and it is read about as often as for one."""
    video = bluma.videos.create(PROMPT, TEMPLATE)
    gate = threading.Barrier(8)

    def wait() -> str:
        gate.wait()
        return str(bluma.videos.wait_for(video.id).status)

    with ThreadPoolExecutor(8) as pool:
        statuses = [future.result() for future in [pool.submit(wait) for _ in range(8)]]

    polls = [record for record in live.sandbox.requests if record.route == "GET /videos/{id}"]
    assert statuses == ["completed"] * 8
    assert len(polls) < 22 + 8


def test_a_stuck_callback_holds_up_no_shared_poll(bluma: Bluma) -> None:
    """One of two waiters for a video never comes back from its callback; the other's polls, with their hooks, go on."""
    video = bluma.videos.create(PROMPT, TEMPLATE)
    stuck, free = threading.Event(), threading.Event()
    hooked = bluma.with_options(on_request=lambda _: None)

    def stick(_: int) -> None:
        stuck.set()
        free.wait()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(hooked.videos.wait_for, video.id, on_progress=stick)
        stuck.wait()
        second = pool.submit(hooked.videos.wait_for, video.id)
        status = second.result().status
        free.set()

    assert (status, first.result().status) == ("completed", "completed")

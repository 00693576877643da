"""Callbacks of the user: they run in the caller's thread, and their errors end the call."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

import pytest

from bluma import Bluma
from bluma.errors import BlumaError
from tests.blocking.arguments import PROMPT, TEMPLATE
from tests.live import Live

USER: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="none")


def test_callbacks_run_in_the_callers_thread(live: Live, bluma: Bluma, tmp_path: Path) -> None:
    """Progress callbacks, hooks and retry functions see the caller's thread, thread-locals and context."""
    caller, local = threading.get_ident(), threading.local()
    local.owner = "caller"
    calls: List[Tuple[str, bool, Optional[str], str]] = []

    def record(name: str, result: Any = None) -> Callable[..., Any]:
        def callback(*_: object) -> Any:
            calls.append((name, threading.get_ident() == caller, getattr(local, "owner", None), USER.get()))
            return result

        return callback

    hooks = {name: record(name) for name in ("on_request", "on_response", "on_retry")}
    client = bluma.with_options(should_retry=record("retry", True), calculate_retry_delay=record("delay", 0.0), **hooks)
    live.sandbox.faults.add("GET /videos/{id}", "status", times=1, status=503)
    video = bluma.videos.create(PROMPT, TEMPLATE)

    def call() -> None:
        USER.set("caller")
        client.videos.wait_for(video.id, on_progress=record("progress"))
        client.videos.save(video.id, tmp_path / "video.mp4", on_progress=record("bytes"))

    contextvars.copy_context().run(call)

    assert {name for name, *_ in calls} == {*hooks, "retry", "delay", "progress", "bytes"}
    assert {facts[1:] for facts in calls} == {(True, "caller", "caller")}


def test_a_callback_may_call_the_client(bluma: Bluma) -> None:
    """A callback can make a blocking call: the loop is free while the callback runs."""
    video = bluma.videos.create(PROMPT, TEMPLATE)
    balances: List[int] = []

    bluma.videos.wait_for(video.id, on_progress=lambda _: balances.append(bluma.credits.get_balance().credits))

    assert set(balances) == {498}


def test_an_async_callback_is_awaited(bluma: Bluma) -> None:
    """An async callback is called in the caller's thread and awaited in the loop."""
    video = bluma.videos.create(PROMPT, TEMPLATE)
    seen: List[int] = []

    async def later(percent: int) -> None:
        await asyncio.sleep(0)
        seen.append(percent)

    bluma.videos.wait_for(video.id, on_progress=later)

    assert seen[-1] == 100


@pytest.mark.parametrize("error", [ZeroDivisionError("mine"), KeyboardInterrupt(), SystemExit(3), StopIteration()])
def test_the_error_of_a_callback_ends_the_call(live: Live, bluma: Bluma, error: BaseException) -> None:
    """The error reaches the caller unchanged; polling stops, and the client still works."""
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


def test_the_error_of_an_async_callback_does_not_end_the_loop(bluma: Bluma) -> None:
    """SystemExit in an async callback ends the call, but not the loop that all clients share."""
    video = bluma.videos.create(PROMPT, TEMPLATE)

    async def leave(_: int) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        bluma.videos.wait_for(video.id, on_progress=leave)

    assert bluma.templates.list()


def test_a_blocked_callback_does_not_block_other_threads(bluma: Bluma) -> None:
    """Calls of other threads continue while a callback is blocked."""
    video = bluma.videos.create(PROMPT, TEMPLATE)
    blocked, release = threading.Event(), threading.Event()

    def block(_: int) -> None:
        blocked.set()
        release.wait()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bluma.videos.wait_for, video.id, on_progress=block)
        blocked.wait()
        templates = bluma.templates.list()
        release.set()

    assert (len(templates), waiting.result().status) == (5, "completed")


def test_a_blocked_callback_does_not_stop_a_shared_poll(bluma: Bluma) -> None:
    """Two threads wait for one video; while the callback of one is blocked, polls and hooks continue for the other."""
    video = bluma.videos.create(PROMPT, TEMPLATE)
    blocked, release = threading.Event(), threading.Event()
    hooked = bluma.with_options(on_request=lambda _: None)

    def block(_: int) -> None:
        blocked.set()
        release.wait()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(hooked.videos.wait_for, video.id, on_progress=block)
        blocked.wait()
        second = pool.submit(hooked.videos.wait_for, video.id)
        status = second.result().status
        release.set()

    assert (status, first.result().status) == ("completed", "completed")


def test_a_call_in_the_loop_thread_is_refused(bluma: Bluma) -> None:
    """A blocking call in an async callback would wait for itself; the error names the alternatives."""
    video = bluma.videos.create(PROMPT, TEMPLATE)

    async def call(_: int) -> None:
        bluma.templates.list()

    with pytest.raises(BlumaError, match="use AsyncBluma in them"):
        bluma.videos.wait_for(video.id, on_progress=call)

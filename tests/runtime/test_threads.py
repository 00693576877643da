"""Blocking functions in threads: outcomes, cancellation, and the pool's threads."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest

from bluma_async._runtime.thread_pool import Completion, ThreadPool, Work
from bluma_async._runtime.threads import Threads, in_thread

ROOT = Path(__file__).resolve().parent.parent.parent
FORK = """
import asyncio, os, sys
from bluma_async._runtime.threads import in_thread

assert asyncio.run(in_thread(int, "1")) == 1
child = os.fork()
if child == 0:
    assert asyncio.run(asyncio.wait_for(in_thread(int, "2"), 10)) == 2
    os._exit(7)
print(os.waitpid(child, 0)[1] >> 8)
"""
both = pytest.mark.parametrize("run", [in_thread, Threads(4).run])
Run = Callable[..., Any]


def refuse(*_: object) -> None:
    """Raise an error."""
    raise ValueError("no")


async def submit(pool: ThreadPool, function: Callable[..., Any], *args: Any) -> Any:
    """Run a function in a pool of its own, and return its result."""
    completion = Completion()
    pool.submit(Work(asyncio.get_running_loop(), function, args, completion.resolve))
    return await completion.wait()


@both
async def test_outcomes_reach_the_caller(run: Run) -> None:
    """A result is returned, and an error is raised."""
    assert await run(int, "7") == 7
    with pytest.raises(ValueError, match="no"):
        await run(refuse)


@both
async def test_a_cancelled_caller_waits_for_its_function(run: Run) -> None:
    """The caller may be about to close the file that the function uses; an error of the function is not raised."""
    began, may_end = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        may_end.wait(10)
        refuse()

    task = asyncio.ensure_future(run(work))
    await in_thread(began.wait, 10)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=0.05)

    may_end.set()

    assert not done
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_second_cancellation_ends_the_wait() -> None:
    """The function continues in its thread, and its late outcome changes nothing."""
    may_end = threading.Event()
    task = asyncio.ensure_future(in_thread(may_end.wait, 10))
    for _ in range(2):
        await asyncio.sleep(0)
        task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    may_end.set()
    await in_thread(int)


async def test_stop_iteration_is_an_error() -> None:
    """A future refuses it, so without care the caller would wait forever."""
    with pytest.raises(RuntimeError, match="StopIteration"):
        await in_thread(next, iter(()))


@both
async def test_functions_see_the_callers_context(run: Run) -> None:
    """Context variables are those of the caller."""
    name: ContextVar[str] = ContextVar("name")
    name.set("mine")

    assert await run(name.get) == "mine"


async def test_functions_run_side_by_side() -> None:
    """Each of three functions waits until all three run."""
    barrier = threading.Barrier(3, timeout=10)

    await asyncio.gather(*(in_thread(barrier.wait) for _ in range(3)))


async def test_idle_threads_are_used_again() -> None:
    """Functions that follow each other share a thread."""
    pool = ThreadPool()

    threads = {await submit(pool, threading.get_ident) for _ in range(20)}

    assert len(threads) == 1


async def test_more_functions_than_threads_wait() -> None:
    """All of them run, by no more threads than allowed."""
    pool, may_end = ThreadPool(most_threads=2), threading.Event()
    seen: List[int] = []

    def work(number: int) -> int:
        seen.append(threading.get_ident())
        may_end.wait(10)
        return number

    tasks = [asyncio.ensure_future(submit(pool, work, number)) for number in range(10)]
    await asyncio.sleep(0)
    may_end.set()

    assert await asyncio.gather(*tasks) == list(range(10))
    assert len(set(seen)) == 2


async def test_threads_that_end_lose_no_work() -> None:
    """Threads end as soon as they are idle, so that submissions meet threads that are about to end."""
    pool = ThreadPool(most_threads=3, most_idle=0.0)

    for _ in range(100):
        assert await asyncio.gather(*(submit(pool, int, str(number)) for number in range(5))) == [0, 1, 2, 3, 4]


async def test_idle_threads_end() -> None:
    """A pool without work keeps no thread."""
    pool, threads = ThreadPool(most_idle=0.0), set()

    for _ in range(5):
        threads.add(await submit(pool, threading.current_thread))
    for thread in threads:
        await in_thread(thread.join, 10)

    assert not any(thread.is_alive() for thread in threads)


async def test_a_system_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is raised at once, and the function is not called later; a pool that has a thread uses that."""
    empty, busy, called = ThreadPool(), ThreadPool(), []
    may_end = threading.Event()
    blocker = asyncio.ensure_future(submit(busy, may_end.wait, 10))
    await asyncio.sleep(0)

    def refuse_start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_start)
        with pytest.raises(RuntimeError, match="new thread"):
            await submit(empty, called.append, 1)
        waiting = asyncio.ensure_future(submit(busy, int, "3"))
        await asyncio.sleep(0)
    may_end.set()

    assert (await waiting, await blocker, await submit(empty, int, "4"), called) == (3, True, 4, [])


def test_a_loop_that_closes_first_is_no_error() -> None:
    """The function ends in its thread; nobody waits for its result."""
    pool, may_end, problems = ThreadPool(), threading.Event(), []
    results: List[Tuple[Any, Any]] = []

    async def start() -> threading.Thread:
        thread = await submit(pool, threading.current_thread)
        work = Work(asyncio.get_running_loop(), may_end.wait, (10,), lambda *outcome: results.append(outcome))
        pool.submit(work)
        return thread

    before, threading.excepthook = threading.excepthook, problems.append
    try:
        with ThreadPoolExecutor(1) as elsewhere:  # asyncio.run would leave the main thread without its event loop
            elsewhere.submit(asyncio.run, start()).result()
            may_end.set()
            assert elsewhere.submit(asyncio.run, submit(pool, int, "5")).result() == 5
    finally:
        threading.excepthook = before
    assert (problems, results) == ([], [])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_threads_of_its_own() -> None:
    """The parent's threads do not exist in it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=15, env=environment, check=False)

    assert (ended.stdout.strip(), ended.stderr) == ("7", "")

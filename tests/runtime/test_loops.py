"""One client in many event loops: in sequence, in parallel, and after loops that were closed without a shutdown."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Coroutine, List, TypeVar

import aiohttp
import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._runtime.loops import PerLoop
from tests.servers import serving, well

T = TypeVar("T")


class Box:
    """A resource that records whether it was closed or abandoned."""

    def __init__(self) -> None:
        self.fate = "open"


async def close(box: Box) -> None:
    """Record that the box was closed."""
    box.fate = "closed"


def abandon(box: Box) -> None:
    """Record that the box was abandoned."""
    box.fate = "abandoned"


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a new loop and a new thread, because pytest-asyncio has a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def per_loop() -> Any:
    """Return an object that opens one box in each loop."""
    return PerLoop(Box, close, abandon)


async def get(boxes: Any) -> Box:
    """Return the running loop's box."""
    box: Box = await boxes.get()
    assert await boxes.get() is box
    return box


def test_each_loop_opens_and_closes_its_own_resource() -> None:
    """The shutdown of a loop closes the resource of that loop."""
    boxes = per_loop()

    made = [run(get(boxes)) for _ in range(3)]

    assert [box.fate for box in made] == ["closed"] * 3
    assert len(set(map(id, made))) == 3


def test_the_next_loop_abandons_the_resource_of_a_closed_loop() -> None:
    """A loop that was closed without a shutdown gave no notice."""
    boxes = per_loop()
    loop = asyncio.new_event_loop()
    left = loop.run_until_complete(get(boxes))
    loop.close()

    fresh = run(get(boxes))

    assert (left.fate, fresh.fate) == ("abandoned", "closed")


def test_closing_reaches_every_loop() -> None:
    """The resources of running loops are closed, also in other threads; that of a stopped loop is abandoned."""
    boxes = per_loop()
    stopped = asyncio.new_event_loop()
    idle = stopped.run_until_complete(get(boxes))
    other, ready, done = asyncio.new_event_loop(), threading.Event(), threading.Event()
    theirs: List[Box] = []

    async def live() -> None:
        theirs.append(await get(boxes))
        ready.set()
        while theirs[0].fate == "open":
            await asyncio.sleep(0)
        done.set()

    thread = threading.Thread(target=lambda: other.run_until_complete(live()))
    thread.start()
    ready.wait()

    async def close_all() -> Box:
        mine = await get(boxes)
        await boxes.close()
        await boxes.close()
        return mine

    mine = run(close_all())
    done.wait()
    thread.join()
    other.close()
    stopped.close()

    assert (mine.fate, theirs[0].fate, idle.fate) == ("closed", "closed", "abandoned")


def test_a_child_process_does_not_touch_the_parents_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a forked child, the parent's resource is neither used nor closed."""
    boxes = per_loop()

    async def fork() -> None:
        parents = await get(boxes)
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: -1)
            child = await get(boxes)
            await boxes.close()
        assert parents.fate == "open"
        assert child.fate == "closed"
        assert await get(boxes) is parents

    run(fork())


def test_one_client_over_three_runs() -> None:
    """A client that was made without a loop works in three loops in sequence, without a warning."""
    client = AsyncBluma("bluma_test_key", base_url="http://127.0.0.1:1", max_retries=0)

    async def use() -> str:
        async with serving(well) as (base, _):
            return (await client.with_options(base_url=base).videos.get("batch_1")).id

    gc.collect()  # what earlier tests have left
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [run(use()) for _ in range(3)] == ["batch_1"] * 3
        run(client.aclose())
        gc.collect()
    with pytest.raises(errors.BlumaError, match="closed"):
        run(client.videos.get("batch_1"))


@pytest.mark.parametrize("is_lent", [False, True])
def test_sockets_of_a_loop_without_a_shutdown_are_closed(is_lent: bool) -> None:
    """The next loop closes the sockets without sending anything; the caller's own session is not touched."""
    with ThreadPoolExecutor(1) as pool:
        server = asyncio.new_event_loop()
        thread = threading.Thread(target=server.run_forever)
        thread.start()
        manager = serving(well)
        base, _ = asyncio.run_coroutine_threadsafe(manager.__aenter__(), server).result()

        def leave() -> AsyncBluma:
            loop = asyncio.new_event_loop()

            async def use() -> AsyncBluma:
                lent = aiohttp.ClientSession() if is_lent else None
                client = AsyncBluma("bluma_test_key", base_url=base, http_session=lent)
                await client.videos.get("batch_1")
                if lent is not None:
                    await lent.close()
                return client

            client = loop.run_until_complete(use())
            loop.close()
            return client

        left = pool.submit(leave).result()
        transport: Any = left._session.shared.connections.transport
        (held,) = transport._connections._held.values()
        transport._connections.abandon(lambda _: True)

        assert held.resource.session.closed
        assert transport._connections._held == {}
        asyncio.run_coroutine_threadsafe(manager.__aexit__(None, None, None), server).result()
        server.call_soon_threadsafe(server.stop)
        thread.join()
        server.close()


def test_one_client_in_eight_threads() -> None:
    """Eight loops in eight threads use one client at the same time."""
    client = AsyncBluma("bluma_test_key", max_retries=0)
    start, results = threading.Barrier(8), []

    async def use() -> None:
        async with serving(well) as (base, _):
            start.wait()
            mine = client.with_options(base_url=base)
            results.extend(await asyncio.gather(*(mine.videos.get("batch_1") for _ in range(5))))

    threads = [threading.Thread(target=lambda: asyncio.run(use())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [video.id for video in results] == ["batch_1"] * 40


HARD = """
import asyncio, gc, sys
from bluma_async import AsyncBluma
from tests.servers import serving, well

client = AsyncBluma("bluma_test_key", max_retries=0)

async def use():
    server = serving(well)
    base, _ = await server.__aenter__()
    await client.with_options(base_url=base).videos.get("batch_1")
    return server

loop = asyncio.new_event_loop()
server = loop.run_until_complete(use())
loop.run_until_complete(server.__aexit__(None, None, None))
loop.close()
asyncio.run(client.aclose())
del client
gc.collect()
print("quiet")
"""


def test_there_is_no_warning_about_a_closed_client() -> None:
    """Also after a loop without a shutdown: no warning of an unclosed session, a closed loop or a leaked socket."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", HARD], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr, done.returncode) == ("quiet\n", "", 0)

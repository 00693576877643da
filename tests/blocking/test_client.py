"""The blocking client: from one thread, from many, inside a running event loop, and after it was closed."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, List, Optional

import aiohttp
import pytest

from bluma import AsyncBluma, Bluma
from bluma.errors import BlumaError, InvalidArgumentError
from tests.blocking.arguments import PROMPT, TEMPLATE
from tests.live import Live


def run_in_thread(function: Callable[[], Any]) -> Any:
    """Call a function in another thread and return its result."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def test_from_create_to_file(bluma: Bluma, tmp_path: Path) -> None:
    """Items 3 and 17: create, wait, download, save and list work without await."""
    video = bluma.videos.create(PROMPT, TEMPLATE)
    seen: List[int] = []

    done = bluma.videos.wait_for(video.id, on_progress=seen.append)
    size = bluma.videos.save(done.id, tmp_path / "video.mp4")

    assert (done.status, seen[0], seen[-1], seen) == ("completed", 0, 100, sorted(seen))
    assert (tmp_path / "video.mp4").stat().st_size == size == done.size_bytes
    assert "signed" in bluma.videos.download(done.id).download_url
    assert [listed.id for listed in bluma.videos.iterate(page_size=1)] == [video.id]


def test_one_client_in_many_threads(bluma: Bluma) -> None:
    """Items 16 and 17: three threads create three videos with one client and one loop."""
    with ThreadPoolExecutor(max_workers=3) as pool:
        futures = [pool.submit(bluma.videos.create, template_id=TEMPLATE, context=PROMPT) for _ in range(3)]
        videos = [future.result() for future in futures]

    assert len({video.id for video in videos}) == 3
    assert [thread.name for thread in threading.enumerate()].count("bluma") == 1


def test_waits_of_many_threads_share_their_polls(live: Live, bluma: Bluma) -> None:
    """Eight threads that wait for one video need few more polls than one thread."""
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


def test_a_call_inside_a_running_loop_works(bluma: Bluma) -> None:
    """The client works while an event loop is running in the same thread, as in a notebook."""

    async def cell() -> int:
        return len(bluma.templates.list())

    assert run_in_thread(lambda: asyncio.run(cell())) == 5


def test_both_clients_in_one_program(live: Live, bluma: Bluma) -> None:
    """An async client in its own loop works beside the blocking client."""

    async def count() -> int:
        async with AsyncBluma(live.sandbox.test_key, base_url=live.sandbox.base_url) as client:
            return len(await client.templates.list()) + len(bluma.templates.list())

    assert run_in_thread(lambda: asyncio.run(count())) == 10


def test_a_session_of_another_loop_is_refused() -> None:
    """A caller's aiohttp session belongs to the caller's loop, so the blocking client refuses it."""

    async def call_with_own_session() -> Optional[BlumaError]:
        async with aiohttp.ClientSession() as session:
            client = Bluma("bluma_test_key", base_url="http://127.0.0.1:1", http_session=session)
            try:
                client.templates.list()
            except InvalidArgumentError as refusal:
                return refusal
        return None

    assert "another event loop" in str(run_in_thread(lambda: asyncio.run(call_with_own_session())))


def test_copies_with_other_options_share_the_connections(live: Live) -> None:
    """`with_options` returns a blocking client of the same class, which shares the rate limit."""

    class Mine(Bluma):
        """A subclass of the client."""

    with Mine(live.sandbox.test_key, base_url=live.sandbox.base_url) as client:
        copy = client.with_options(timeout=5)

        assert type(copy) is Mine
        assert copy.templates.list()
        assert copy.rate_limit == client.rate_limit != None  # noqa: E711 - one comparison for both
        assert repr(copy) == f"Mine(base_url='{live.sandbox.base_url}', api_key='***')"


def test_a_closed_client_refuses_calls(live: Live) -> None:
    """Item 15: `with` closes the client, also after an exception; later calls are refused, and `close` does nothing."""
    sandbox = live.sandbox
    client = Bluma(sandbox.test_key, base_url=sandbox.base_url)
    with pytest.raises(ZeroDivisionError), client as entered:
        _ = 1 // (len(client.templates.list()) - 5)

    assert entered is client
    client.close()
    client.close()

    with pytest.raises(BlumaError, match="closed, and this request was not sent"):
        client.templates.list()

"""A wait ends by its own clock, whatever the server, other waits and the hooks of other copies do. In virtual time."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List, Optional

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.types import Video
from tests.waiting.virtual import SlowServer, hang, run_with_slow_server

NEVER = 1e9
GRACE = 1.0  # seconds that the last poll of a wait may take


def now() -> float:
    """Return the virtual time."""
    return asyncio.get_running_loop().time()


async def leave(*waits: Any) -> None:
    """Cancel waits."""
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


async def end_of(wait: Any) -> float:
    """Return the moment at which a wait times out."""
    with pytest.raises(errors.WaitTimeoutError):
        await wait
    return now()


@pytest.mark.parametrize("latency", [0.9, 2.0, 40.0])
@pytest.mark.parametrize("wants_progress", [False, True])
def test_a_wait_ends_at_its_deadline_beside_399_others(latency: float, wants_progress: bool) -> None:
    """A slow server and many jobs hold no wait beyond its timeout and the second of its last poll."""
    ends = {f"v{number}": NEVER for number in range(400)}

    async def work(client: AsyncBluma, _: SlowServer) -> float:
        on_progress = (lambda _: None) if wants_progress else None
        others = [asyncio.ensure_future(client.videos.wait_for(f"v{n}", on_progress=on_progress)) for n in range(399)]
        await asyncio.sleep(1.0)
        began = now()
        ended = await end_of(client.videos.wait_for("v399", timeout=3))
        await leave(*others)
        return ended - began

    assert 3.0 <= run_with_slow_server(work, ends, latency) <= 3.0 + GRACE


def test_many_waits_with_one_deadline_end_at_it() -> None:
    """They are not polled for the last time one after the other."""
    ends = {f"v{number}": NEVER for number in range(300)}

    async def work(client: AsyncBluma, _: SlowServer) -> List[float]:
        return list(await asyncio.gather(*(end_of(client.videos.wait_for(name, timeout=3)) for name in ends)))

    assert max(run_with_slow_server(work, ends, 5.0)) <= 3.0 + GRACE


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("crowd", [1, 40])
def test_a_hanging_hook_holds_no_wait_of_another_copy(shared: bool, crowd: int) -> None:
    """A copy whose `on_request` never returns delays another copy's result by a poll interval or two, not more."""
    ends = {f"v{number}": 12.0 for number in range(crowd + 6)}

    async def work(client: AsyncBluma, _: SlowServer) -> float:
        hung = client.with_options(on_request=hang)
        held = [asyncio.ensure_future(hung.videos.wait_for(f"v{number}")) for number in range(crowd)]
        await asyncio.sleep(0.1)
        names = [f"v{number}" for number in range(crowd)] if shared else [f"v{crowd + n}" for n in range(6)]
        done: List[Video] = list(await asyncio.gather(*(client.videos.wait_for(name) for name in names)))
        await leave(*held)
        assert {video.status for video in done} == {"completed"}
        return now()

    assert run_with_slow_server(work, ends, 0.1) <= 12.0 + 11.0


@pytest.mark.parametrize("crowd", [1, 40])
def test_a_wait_whose_own_hook_hangs_ends_at_its_deadline(crowd: int) -> None:
    """The deadline bounds the hooks too."""
    ends = {f"v{number}": NEVER for number in range(crowd)}

    async def work(client: AsyncBluma, _: SlowServer) -> float:
        hung = client.with_options(on_request=hang)
        return max(await asyncio.gather(*(end_of(hung.videos.wait_for(name, timeout=3)) for name in ends)))

    assert run_with_slow_server(work, ends, 0.1) <= 3.0 + GRACE


def test_a_wait_beside_a_hanging_copy_ends_at_its_deadline() -> None:
    """The same video, polled for the hanging copy: the other copy's wait is polled once by itself, and ends."""

    async def work(client: AsyncBluma, server: SlowServer) -> Optional[Video]:
        hung = asyncio.ensure_future(client.with_options(on_request=hang).videos.wait_for("v"))
        await asyncio.sleep(0.1)
        with pytest.raises(errors.WaitTimeoutError) as caught:
            await client.videos.wait_for("v", timeout=3)
        assert 3.1 <= now() <= 3.1 + GRACE
        await leave(hung)
        last: Any = caught.value.last
        return last

    last = run_with_slow_server(work, {"v": NEVER}, 0.1)

    assert last is not None
    assert last.status == "processing"


def test_a_hook_that_raises_ends_the_waits_of_its_own_copy_alone() -> None:
    """The error belongs to the wait for which the request was sent; another copy's wait is polled again."""

    def fail(_: object) -> None:
        raise ZeroDivisionError

    async def work(client: AsyncBluma, _: SlowServer) -> Any:
        failing = client.with_options(on_request=fail)
        waits = (failing.videos.wait_for("v"), client.videos.wait_for("v"), client.videos.wait_for("w"))
        return await asyncio.gather(*waits, return_exceptions=True)

    error, *videos = run_with_slow_server(work, {"v": 7.0, "w": 7.0}, 0.1)

    assert isinstance(error, ZeroDivisionError)
    assert [video.status for video in videos] == ["completed", "completed"]


def test_each_copy_polls_with_its_own_hooks() -> None:
    """A request is sent with the options of the copy whose wait it serves."""
    seen: Dict[str, List[str]] = {"a": [], "b": []}

    async def work(client: AsyncBluma, _: SlowServer) -> None:
        copies = {
            name: client.with_options(on_request=lambda info, name=name: seen[name].append(info.url[-1]))
            for name in "ab"
        }
        await asyncio.gather(*(copy.videos.wait_for(name) for name, copy in copies.items()))

    run_with_slow_server(work, {"a": 6.0, "b": 6.0}, 0.1)

    assert set(seen["a"]) == {"a"}
    assert set(seen["b"]) == {"b"}

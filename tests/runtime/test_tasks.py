"""Work with a time limit, and several pieces of work at once: a cancellation is never lost."""

from __future__ import annotations

import asyncio
import gc
from typing import Any, List

import pytest

from bluma_async._runtime.tasks import finish, gather, within


async def fail(event: asyncio.Event) -> None:
    """Raise an error after the event."""
    await event.wait()
    raise KeyError


async def test_a_cancellation_that_comes_with_a_result_ends_the_work() -> None:
    """The result and the cancellation arrive in one turn of the event loop."""
    result: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    waiting = asyncio.ensure_future(within(60.0, result))
    await asyncio.sleep(0)

    result.set_result(1)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_work_that_takes_too_long_is_cancelled() -> None:
    """Its limit is over at once."""
    with pytest.raises(TimeoutError):
        await within(0.0, asyncio.Event().wait())


async def test_a_cancellation_that_comes_with_an_error_ends_all_work() -> None:
    """One piece has failed, the others are cancelled in the same turn of the event loop."""
    event = asyncio.Event()
    waiting = asyncio.ensure_future(gather(fail(event), asyncio.Event().wait()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    event.set()
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_the_first_error_ends_the_other_pieces() -> None:
    """None of them goes on in the background."""
    ended: List[Any] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    event = asyncio.Event()
    event.set()
    with pytest.raises(KeyError):
        await gather(wait(), fail(event), wait())

    assert ended == ["cancelled"] * 2


async def test_results_come_in_the_order_of_the_work() -> None:
    """Not in the order in which they arrive."""
    assert await gather(asyncio.sleep(0.0, 1), within(None, asyncio.sleep(0, 2))) == [1, 2]


async def test_an_error_after_a_second_cancellation_is_not_reported_as_unseen() -> None:
    """After a second cancellation nobody waits for the work. asyncio logs an error that nobody has looked at."""
    event, reported = asyncio.Event(), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    waiting = asyncio.ensure_future(finish(fail(event)))
    await asyncio.sleep(0)
    for _ in range(2):
        waiting.cancel()
        await asyncio.sleep(0)

    event.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    gc.collect()

    assert reported == []

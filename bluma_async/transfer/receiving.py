"""Write the body of an answer to a part: while one batch is written, the next one is read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Awaitable, Callable, List

from bluma_async.errors import RequestTimeoutError
from bluma_async.transfer.pace import SLOWEST

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async._wire.messages import Download
    from bluma_async.transfer.pace import Speed

__all__ = ["receive"]

Write = Callable[[List[bytes], bool], Awaitable[None]]
BATCH = 2**21  # bytes that are written at a time: each write costs a switch to another thread


async def receive(download: Download, write: Write, room: int, speed: Speed, clock: Clock) -> bool:
    """
    Write a body, and return whether it has ended; False if it goes on although there is no room for more.

    Args:
        download: The answer.
        write: Writes a batch of pieces, given whether the body has ended with it. An empty body is an empty batch.
        room: The most bytes that the body may have.
        speed: Decides whether the body arrives too slowly.
        clock: Measures the time in which the body is waited for.

    Raises:
        NetworkError: The connection broke, or the body arrives too slowly. The bytes before are written.
    """
    batch: List[bytes] = []
    batched, writing, has_ended = 0, None, False
    try:
        began = clock.now()
        async for piece in download.pieces:
            slow = speed.is_too_slow(clock.now() - began, len(piece))
            batch += [piece] if piece else []
            batched, room = batched + len(piece), room - len(piece)
            if room < 0 or slow:
                break
            if batched >= BATCH:
                await _end(writing)
                writing, batch, batched = asyncio.ensure_future(write(batch, False)), [], 0
            began = clock.now()
        else:
            has_ended = True
    finally:  # also after a cut: the bytes that arrived need not be sent again
        await _end(writing)
        if batch or (has_ended and writing is None):
            await write(batch, has_ended)
    if speed.is_slow:
        raise RequestTimeoutError(f"The server sent less than {SLOWEST} bytes per second for {speed.window:g} s.")
    return room >= 0


async def _end(writing: asyncio.Future[None] | None) -> None:
    """Wait until a batch is written, even if cancelled."""
    if writing is None:
        return
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        writing.cancel()
        await asyncio.wait([writing])
        raise

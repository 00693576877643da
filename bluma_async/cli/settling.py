"""After Ctrl-C: search for the videos of the creates that were interrupted, and print each result."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Callable, Iterable, Sequence

from bluma_async.cli.output import say_aside
from bluma_async.types import CreateResult, OpenCreateState

if TYPE_CHECKING:
    from bluma_async.client import AsyncBluma
    from bluma_async.types import OpenCreate, SettledCreate, Video

__all__ = ["format_candidates", "settle_interrupted"]

SaveCommand = Callable[[str], str]


async def settle_interrupted(client: AsyncBluma, settle_time: float, how_to_save: SaveCommand | None = None) -> bool:
    """
    Settle the interrupted creates of a client, print each result, and return whether there were any.

    A second Ctrl-C ends this at once. For each create it prints the video, or the key if the create is not settled.

    Args:
        client: The client, whose creates have been cancelled.
        settle_time: Its option.
        how_to_save: Returns the command that saves a video; None where a later run does it.
    """
    creates = client.open_creates
    if not creates:
        return False
    say_aside(
        f"Stopped during {len(creates)} create(s), which may have been accepted and billed. Searching for the "
        f"video(s), at most about {settle_time:g} s; Ctrl-C ends the search."
    )
    try:
        results = await client.settle()
    except asyncio.CancelledError:
        still_open = {create.idempotency_key: create for create in client.open_creates}
        for create in creates:
            say_aside(_format_interrupted(create, still_open.get(create.idempotency_key), how_to_save))
        raise
    for settled in results:
        say_aside(_format_result(settled, how_to_save))
    return True


def _format_interrupted(create: OpenCreate, still_open: OpenCreate | None, how_to_save: SaveCommand | None) -> str:
    """Describe a create after an interrupted search. One that is not open any more was not accepted."""
    if still_open is None:
        return _format_refused(create)
    if still_open.video_id is not None:
        return _format_accepted(still_open.video_id, how_to_save)
    return f"Not settled: {_describe(still_open)}"


def _format_refused(create: OpenCreate) -> str:
    return f"The create was not accepted, and nothing was billed (Idempotency-Key {create.idempotency_key})."


def _format_accepted(video_id: str, how_to_save: SaveCommand | None) -> str:
    end = f"; save it with: {how_to_save(video_id)}" if how_to_save else ""
    return f"The create was accepted and billed: video {video_id}{end}"


def _format_result(settled: SettledCreate, how_to_save: SaveCommand | None) -> str:
    create = settled.create
    if settled.result == CreateResult.NOT_ACCEPTED:
        return _format_refused(create)
    if settled.result == CreateResult.ACCEPTED:
        return _format_accepted(settled.video.id if settled.video else create.video_id or "", how_to_save)
    candidates = format_candidates(settled.candidates, how_to_save)
    lines = [f"In doubt: {_describe(create)}", *candidates]
    return "\n".join(lines)


def _describe(create: OpenCreate) -> str:
    """Describe a create that is not settled: its template, its state and its key."""
    if create.state == OpenCreateState.ACCEPTED:
        known = "it was accepted and billed, and its video is not known"
    else:
        known = "it may have been accepted and billed"
    subject = "a create" if create.template_id is None else f"a create from {create.template_id}"
    return f"{subject}; {known} (Idempotency-Key {create.idempotency_key})"


def format_candidates(candidates: Sequence[Video], how_to_save: SaveCommand | None) -> Iterable[str]:
    """Yield a line for each video that may be the one of a create in doubt, and the command that saves it."""
    for video in candidates:
        yield f"  may be its video: {video.id}  created {video.created_at:%Y-%m-%d %H:%M:%S %Z}"
    if candidates and how_to_save:
        yield f"If one of them is yours, save it with: {how_to_save('VIDEO_ID')}"

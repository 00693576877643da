"""`bluma create`, `get`, `list`, `wait` and `open`: the steps of `generate`, one by one."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Sequence, get_args

import click

from bluma_async.cli.accounts import ENDED, SANDBOX_POLL_INTERVAL, with_account
from bluma_async.cli.combinations import refuse_options, require_span
from bluma_async.cli.completing import complete_template
from bluma_async.cli.continuing import spell_save
from bluma_async.cli.creating import with_create
from bluma_async.cli.exit_codes import ExitCode
from bluma_async.cli.output import say, say_aside, takes_output
from bluma_async.cli.printing import prints
from bluma_async.cli.progress import show_progress
from bluma_async.cli.running import add_settle_options, run_to_end
from bluma_async.cli.settling import settle_interrupted
from bluma_async.cli.times import parse_begin, parse_end
from bluma_async.cli.waiting import add_wait_options
from bluma_async.types import KnownStatus, Video, VideoStatus

if TYPE_CHECKING:
    from bluma_async.cli.accounts import Account
    from bluma_async.cli.creating import CreateRequest
    from bluma_async.cli.printing import Printer
    from bluma_async.client import AsyncBluma

__all__ = ["create", "create_and_print", "get", "list_videos", "open_video", "wait"]

LARGEST_PAGE = 100


@click.command()
@with_create
@add_settle_options
@prints(Video)
@with_account
def create(request: CreateRequest, account: Account, printer: Printer, settle_time: float, exclusive_key: bool) -> None:
    """Create a video from a PROMPT, and print it. It is billed now; `bluma wait` and `bluma save` continue."""
    run_to_end(create_and_print(request, account, printer, settle_time, exclusive_key=exclusive_key))
    if account.is_temporary:
        say_aside(ENDED)


async def create_and_print(
    request: CreateRequest, account: Account, printer: Printer, settle_time: float, *, exclusive_key: bool
) -> None:
    """Create a video, and print it before the client is closed: a signal during the close discards all results."""
    async with account.open(settle_time=settle_time, exclusive=exclusive_key) as client:
        try:
            video = await request.send(client)
        except asyncio.CancelledError:
            if account.is_temporary:
                say_aside(f"Stopped. {ENDED}")
            elif not await settle_interrupted(client, settle_time, spell_save):
                say_aside("Stopped. No create was accepted, and nothing was billed.")
            raise
        _print_created(printer, video)


def _print_created(printer: Printer, video: Video) -> None:
    """Print a video that is paid for; its id at least, where the output takes nothing."""
    try:
        printer.show(video)
    finally:
        if not takes_output():
            say_aside(f"The video was created and billed: {video.id}")


@click.command()
@click.argument("video_id")
@prints(Video)
@with_account
def get(video_id: str, account: Account, printer: Printer) -> None:
    """Show the video with this VIDEO_ID as it is now."""
    printer.show(account.call(lambda client: client.videos.get(video_id)))


@click.command("list")
@click.option("--status", type=click.Choice(get_args(KnownStatus)), help="Only videos with this status.")
@click.option("-t", "--template", shell_complete=complete_template, help="Only videos of this template.")
@click.option(
    "--from", "from_date", type=parse_begin, metavar="TIME", help="Only videos created after this: 2026-01-31, in UTC."
)
@click.option(
    "--to", "to_date", type=parse_end, metavar="TIME", help="Only videos created before this; a date includes its day."
)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The most videos to print.")
@click.option("--page", type=click.IntRange(1), default=1, show_default=True, help="The page of --limit videos.")
@click.option("--all", "wants_all", is_flag=True, help="Print all videos, whatever their number.")
@prints(Video, "id", "status", "template_id", "created_at", "url")
@with_account
def list_videos(
    account: Account, printer: Printer, limit: int, page: int, wants_all: bool, template: str | None, **dates: Any
) -> None:
    """List videos, newest first."""
    require_span(dates["from_date"], dates["to_date"])
    if wants_all:
        refuse_options("limit", "page", reason="--all prints all videos")
    filters = {**dates, "template_id": template}

    async def read(client: AsyncBluma) -> List[Video]:
        if not wants_all and limit <= LARGEST_PAGE:
            return (await client.videos.list(page=page, limit=limit, **filters)).videos
        first, last = (0, None) if wants_all else ((page - 1) * limit, page * limit)
        return await _read_many(client, filters, first, last)

    printer.show_all(account.call(read))


async def _read_many(client: AsyncBluma, filters: Dict[str, Any], first: int, last: int | None) -> List[Video]:
    """Return the videos from a position to another one, or to the end."""
    found: List[Video] = []
    async for video in client.videos.iterate(**filters):
        found.append(video)
        if last is not None and len(found) >= last:
            break
    return found[first:]


@click.command()
@click.argument("video_ids", nargs=-1, required=True)
@add_wait_options
@prints(Video, "id", "status", "credits_charged", "url")
@with_account
def wait(video_ids: Sequence[str], account: Account, printer: Printer, **options: Any) -> None:
    """Wait until the videos with these VIDEO_IDS have ended. Exit code 1 if one of them is not completed."""
    if account.is_temporary:
        options["poll_interval"] = SANDBOX_POLL_INTERVAL

    async def read(client: AsyncBluma) -> List[Video]:
        if len(video_ids) == 1:
            with show_progress("Rendering") as callbacks:
                return [await client.videos.wait_for(video_ids[0], **options, **callbacks)]
        return list(await asyncio.gather(*(client.videos.wait_for(video_id, **options) for video_id in video_ids)))

    videos = account.call(read)
    printer.show_all(videos)
    for video in videos:
        if video.status == VideoStatus.FAILED:
            reason = (video.error.detail if video.error else None) or "no reason was given"
            say_aside(f"Video {video.id} failed: {reason}.")
    if any(video.status != VideoStatus.COMPLETED for video in videos):
        raise click.exceptions.Exit(ExitCode.FAILED)


@click.command("open")
@click.argument("target", metavar="FILE_OR_ID")
@click.option("--print", "is_printed", is_flag=True, help="Print the path or the URL instead.")
@with_account
def open_video(target: str, account: Account, is_printed: bool) -> None:
    """Show a FILE in the system's player, or the video with this ID in the browser."""
    is_file = os.path.exists(target)  # noqa: PTH110 - Path.exists raises for a name that is too long
    place = str(Path(target).resolve()) if is_file else account.call(lambda client: _find_url(client, target))
    if is_printed:
        say(place)
    elif click.launch(place, wait=sys.platform.startswith("linux")) != 0:  # elsewhere that waits for the player's end
        raise click.ClickException(f"This system could not open it. Open it yourself: {place}")


async def _find_url(client: AsyncBluma, video_id: str) -> str:
    video = await client.videos.get(video_id)
    if video.url is None:
        raise click.ClickException(
            f"Video {video_id} has no file yet: its status is {str(video.status)!r}. Nothing was opened."
        )
    return video.url

"""`bluma generate` and `bluma save`: make a video from a prompt, or wait for one by its id, and save it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from bluma_async.cli.accounts import ENDED, with_account
from bluma_async.cli.continuing import spell_save
from bluma_async.cli.creating import with_create
from bluma_async.cli.output import say_aside
from bluma_async.cli.paying import after_payment
from bluma_async.cli.running import add_settle_options, run_to_end
from bluma_async.cli.settling import settle_interrupted
from bluma_async.cli.waiting import wait_and_save, with_target

if TYPE_CHECKING:
    from bluma_async.cli.accounts import Account
    from bluma_async.cli.creating import CreateRequest
    from bluma_async.cli.waiting import Target
    from bluma_async.client import AsyncBluma
    from bluma_async.types import Video

__all__ = ["create_video", "generate", "save"]


@click.command()
@with_create
@with_target
@add_settle_options
@with_account
def generate(request: CreateRequest, target: Target, account: Account, settle_time: float, exclusive_key: bool) -> None:
    """Make a video from a PROMPT, and save it. Needs an API key, or --sandbox."""

    async def work() -> None:
        async with account.open(settle_time=settle_time, exclusive=exclusive_key) as client:
            video = await create_video(client, request, account, settle_time)
            # 0 says nothing: the answer to a lost create is not known, and the read of its video has no price.
            target.say(f"Video {video.id}" + (f": {video.credits_charged} credits" if video.credits_charged else ""))
            with after_payment():
                await wait_and_save(client, video.id, target, account)

    run_to_end(work())


async def create_video(client: AsyncBluma, request: CreateRequest, account: Account, settle_time: float) -> Video:
    """Create the video. After Ctrl-C, find out what has become of the create."""
    try:
        return await request.send(client)
    except asyncio.CancelledError:
        if account.is_temporary:
            say_aside(f"Stopped. {ENDED}")
        elif not await settle_interrupted(client, settle_time, spell_save):
            say_aside("Stopped. No create was accepted, and nothing was billed.")
        raise


@click.command()
@click.argument("video_id")
@with_target
@with_account
def save(video_id: str, target: Target, account: Account) -> None:
    """Wait for the video with this VIDEO_ID, and save it."""
    account.call(lambda client: wait_and_save(client, video_id, target, account))

"""`bluma generate` and `bluma save`: make a video from a prompt, or wait for one by its id, and save it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, AsyncGenerator, Dict, get_args

import click

from bluma_async.cli.progress import show_progress
from bluma_async.cli.running import (
    add_final_option,
    add_options,
    add_settle_options,
    add_verify_option,
    make_sandbox,
    run_to_end,
    say,
)
from bluma_async.cli.settling import settle_interrupted
from bluma_async.client import AsyncBluma
from bluma_async.errors import BlumaError, InvalidArgumentError, NotFoundError
from bluma_async.resources._saving import build_save_command
from bluma_async.transfer.places import check_place
from bluma_async.types import KnownResolution, VideoStatus

if TYPE_CHECKING:
    from bluma_async.transfer.checks import Verify
    from bluma_async.types import Video

__all__ = ["generate", "save"]

SANDBOX_SPEED = 20.0  # a render of 105 s ends after about 5 s
SANDBOX_POLL_INTERVAL = 0.25  # seconds


_waiting_options = add_options(
    click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Where to write the MP4."),
    click.option("--overwrite", is_flag=True, help="Replace the file if it exists."),
    click.option("--poll-interval", type=float, default=5.0, show_default=True, help="Seconds between two polls."),
    click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds to wait."),
    add_final_option,
    add_verify_option,
)


@click.command()
@click.argument("prompt")
@click.option("-t", "--template", help="The template, such as ugc-text-overlay.")
@click.option("--variant", help="The id of a saved preset, instead of a template.")
@click.option("--resolution", type=click.Choice(get_args(KnownResolution)), help="Default: the API's.")
@click.option("--sandbox", "in_sandbox", is_flag=True, help="Use a local sandbox: no key, no cost.")
@_waiting_options
@add_settle_options
def generate(
    prompt: str,
    template: str | None,
    variant: str | None,
    resolution: str | None,
    in_sandbox: bool,
    output: Path,
    overwrite: bool,
    verify: Verify,
    settle_time: float,
    exclusive_key: bool,
    **wait: Any,
) -> None:
    """Make a video from a PROMPT, and save it. Needs BLUMA_API_KEY, or --sandbox."""
    check_place(output, overwrite=overwrite, option="--overwrite")
    if (template is None) == (variant is None):
        raise click.UsageError("Give either --template or --variant. Nothing was sent.")

    async def work() -> None:
        options = {"resolution": resolution} if resolution else None
        async with _open_client(in_sandbox=in_sandbox, settle_time=settle_time, exclusive=exclusive_key) as client:
            try:
                video = await client.videos.create({"prompt": prompt}, template, variant, options=options)
            except asyncio.CancelledError:
                if not await settle_interrupted(client, settle_time, build_save_command("VIDEO_ID", str(output))):
                    say("Stopped. No create was accepted, and nothing was billed.")
                raise
            say(f"Video {video.id}: {video.credits_charged} credits")
            if in_sandbox:
                wait["poll_interval"] = SANDBOX_POLL_INTERVAL
            try:
                await _wait_and_save(client, video.id, output, wait, overwrite=overwrite, verify=verify)
            except InvalidArgumentError as error:  # exit code 2 would say that nothing was sent, and the video is paid
                raise BlumaError(str(error).replace(" Nothing was sent.", "")) from error

    run_to_end(work())


@click.command()
@click.argument("video_id")
@_waiting_options
def save(video_id: str, output: Path, overwrite: bool, verify: Verify, **wait: Any) -> None:
    """Wait for the video with this VIDEO_ID, and save it."""
    check_place(output, overwrite=overwrite, option="--overwrite")

    async def work() -> None:
        async with _open_client(in_sandbox=False) as client:
            await _wait_and_save(client, video_id, output, wait, overwrite=overwrite, verify=verify)

    run_to_end(work())


async def _wait_and_save(
    client: AsyncBluma, video_id: str, output: Path, wait: Dict[str, Any], *, overwrite: bool, verify: Verify
) -> None:
    command, size = build_save_command(video_id, str(output)), 0
    try:
        with show_progress("Rendering") as callbacks:
            video = await client.videos.wait_for(video_id, **wait, **callbacks)
        if video.status == VideoStatus.COMPLETED:
            size = await client.videos.save(video, output, overwrite=overwrite, verify=verify)
    except asyncio.CancelledError:
        say(f"Stopped. Save the video when it is finished, with: {command}")
        raise
    except BlumaError as error:
        if command not in str(error) and not isinstance(error, NotFoundError):
            say(f"Continue with: {command}")
        raise
    _require_success(video)
    say(f"Saved {output}: {video.duration} s, {size / 1e6:.1f} MB")


@asynccontextmanager
async def _open_client(*, in_sandbox: bool, **options: Any) -> AsyncGenerator[AsyncBluma, None]:
    if not in_sandbox:
        async with AsyncBluma(**options) as client:
            yield client
        return
    async with make_sandbox(speed=SANDBOX_SPEED) as sandbox:  # noqa: SIM117 - one statement would need Python 3.9's parentheses
        async with AsyncBluma(sandbox.test_key, base_url=sandbox.base_url, trust_env=False, **options) as client:
            yield client


def _require_success(video: Video) -> None:
    if video.status == VideoStatus.FAILED:
        detail = video.error.get("detail") if video.error else "no reason was given"
        raise BlumaError(f"Video {video.id} failed: {detail}. Its credits are refunded.", status=500)
    if video.status != VideoStatus.COMPLETED:
        raise BlumaError(f"Video {video.id} has ended with the status {str(video.status)!r}. Nothing was saved.")

"""Wait for a video, and save it: to a file, or to the standard output."""

from __future__ import annotations

import asyncio
import functools
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Generator, TypeVar

import attrs
import click

from bluma_async.cli.accounts import ENDED, SANDBOX_POLL_INTERVAL, Account
from bluma_async.cli.continuing import advise, spell_save
from bluma_async.cli.copying import copy_file
from bluma_async.cli.output import format_size, say_aside, say_surely
from bluma_async.cli.printing import Printer, Record, find_price, prints
from bluma_async.cli.progress import show_progress
from bluma_async.cli.running import OutputPath, add_final_option, add_options, add_verify_option, is_standard_output
from bluma_async.errors import BlumaError, WaitTimeoutError
from bluma_async.transfer.places import check_place
from bluma_async.types import VideoStatus
from bluma_async.waiting.waits import require_wait

if TYPE_CHECKING:
    from bluma_async.client import AsyncBluma
    from bluma_async.transfer.checks import Verify
    from bluma_async.types import Video

__all__ = ["Target", "add_wait_options", "require_success", "wait_and_save", "with_target"]

F = TypeVar("F", bound=Callable[..., Any])

add_wait_options: Callable[[Any], Any] = add_options(
    click.option("--poll-interval", type=float, default=5.0, show_default=True, help="Seconds between two polls."),
    click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds to wait."),
    add_final_option,
)
_target_options = add_options(
    click.option(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        type=OutputPath(path_type=Path, allow_dash=True),
        help="Where to write the MP4: a path, a URL such as s3://bucket/sky.mp4, or - for the standard output.",
    ),
    click.option("--overwrite", is_flag=True, help="Replace the file if it exists."),
    add_wait_options,
    add_verify_option,
)


@attrs.frozen(kw_only=True)
class SavedVideo(Record):
    """A video that was saved, and where."""

    id: str
    status: str
    template_id: str
    duration: int | None
    credits_charged: int | None
    path: str
    size_bytes: int


@attrs.frozen
class Target:
    """
    The file of a video, or the standard output. A write is tried before the video is paid for.

    Attributes:
        output: The path or URL that was given; `-` for the standard output.
        file: The file that the download writes.
        overwrite: Whether an existing file may be replaced.
        verify: What of the file is compared with its description.
        wait: The options of the wait.
        printer: Prints the result; as JSON, if that is asked for.
    """

    output: Path | str
    file: Path | str
    overwrite: bool
    verify: Verify
    wait: Dict[str, Any]
    printer: Printer = attrs.field(factory=lambda: Printer((), is_json=False))

    @property
    def is_standard_output(self) -> bool:
        """Whether the video goes to the standard output."""
        return is_standard_output(self.output)

    def say(self, text: str) -> None:
        """Print a line for people: to the standard error, if the standard output has the video or JSON."""
        (say_aside if self.is_standard_output or self.printer.is_json else say_surely)(text)


def with_target(command: F) -> F:
    """Add the options of a wait and a save, and pass them to a command as `target`."""

    @_target_options
    @prints(SavedVideo)
    @functools.wraps(command)
    def run(
        *,
        printer: Printer,
        output: Path | str,
        overwrite: bool,
        verify: Verify,
        poll_interval: float,
        timeout: float,
        final_statuses: Any,
        **others: Any,
    ) -> Any:
        wait = {"poll_interval": poll_interval, "timeout": timeout, "final_statuses": final_statuses}
        if printer.is_json and is_standard_output(output):
            raise click.UsageError("Give either --json or -o -: both write to the standard output. Nothing was sent.")
        require_wait(poll_interval, timeout, None, None, final_statuses)  # before the video is paid for
        with _find_file(output) as file:
            check_place(file, overwrite=overwrite, option="--overwrite")
            return command(target=Target(output, file, overwrite, verify, wait, printer), **others)

    return run  # type: ignore[return-value]  # click passes the options by name


@contextmanager
def _find_file(output: Path | str) -> Generator[Path | str, None, None]:
    """Yield the place to write to: the output itself, or for the standard output a file in a folder that is deleted."""
    if not is_standard_output(output):
        yield output
        return
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]  # Python sets it so for a closed descriptor
        raise click.UsageError("-o - writes to the standard output, which is closed. Nothing was sent.")
    if sys.stdout.isatty():
        raise click.UsageError("-o - would write the bytes of a video to a terminal: redirect it. Nothing was sent.")
    with tempfile.TemporaryDirectory(prefix="bluma-") as folder:
        yield Path(folder, "video.mp4")


async def wait_and_save(client: AsyncBluma, video_id: str, target: Target, account: Account | None = None) -> None:
    """
    Wait for a video, save it, and print what was saved.

    Args:
        client: The client.
        video_id: The video.
        target: Where to save it to, and how long to wait.
        account: The account; a sandbox that ends with the command continues nothing.
    """
    is_temporary = account is not None and account.is_temporary
    command, size = spell_save(video_id), 0
    wait = {**target.wait, "poll_interval": SANDBOX_POLL_INTERVAL} if is_temporary else target.wait
    try:
        with show_progress("Rendering") as callbacks:
            video = await client.videos.wait_for(video_id, **wait, **callbacks)
        if video.status == VideoStatus.COMPLETED:
            size = await client.videos.save(video, target.file, overwrite=target.overwrite, verify=target.verify)
    except asyncio.CancelledError:
        say_aside(
            f"Stopped. {ENDED}" if is_temporary else f"Stopped. Save the video when it is finished, with: {command}"
        )
        raise
    except BlumaError as error:
        if is_temporary:
            _promise_nothing(error, video_id)
        else:
            advise(error, video_id=video_id)
        raise
    require_success(video)
    if target.is_standard_output:
        await _pass_on(Path(target.file), ENDED if is_temporary else f"Save it again with: {command}")
    _print_saved(target, video, size)


async def _pass_on(file: Path, how_to_continue: str) -> None:
    """Write a saved file to the standard output."""
    try:
        await copy_file(file, sys.stdout.fileno())
    except asyncio.CancelledError:
        say_aside(f"Stopped. The video was not written as a whole. {how_to_continue}")
        raise
    except OSError as problem:
        raise BlumaError(
            f"The standard output does not take the video: {problem.strerror}. {how_to_continue}"
        ) from problem


def _print_saved(target: Target, video: Video, size: int) -> None:
    name = "the video" if target.is_standard_output else str(target.output)
    target.say(f"Saved {name}: {video.duration} s, {format_size(size)}")
    if target.printer.is_json:
        saved = SavedVideo(
            id=video.id,
            status=str(video.status),
            template_id=video.template_id,
            duration=video.duration,
            credits_charged=find_price(video),
            path=str(target.output),
            size_bytes=size,
        )
        target.printer.show(saved)


def _promise_nothing(error: BlumaError, video_id: str) -> None:
    """Replace what a message says about the future: a sandbox that has ended continues no render."""
    if isinstance(error, WaitTimeoutError):
        status = "" if error.last is None else f" (last seen: {getattr(error.last, 'status', '')})"
        error.message = f"Waiting timed out: video {video_id} was not finished{status}. {ENDED}"
    else:
        error.message = f"{error.message.partition('. ')[0].rstrip('.')}. {ENDED}"


def require_success(video: Video) -> None:
    """
    Require that a video is completed.

    Raises:
        BlumaError: It has failed, or has ended with another status.
    """
    if video.status == VideoStatus.FAILED:
        detail = video.error.get("detail") if video.error else "no reason was given"
        raise BlumaError(f"Video {video.id} failed: {detail}. Its credits are refunded.", status=500)
    if video.status != VideoStatus.COMPLETED:
        raise BlumaError(f"Video {video.id} has ended with the status {str(video.status)!r}. Nothing was saved.")

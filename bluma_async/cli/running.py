"""Functions that the commands share: options, and running a coroutine until it ends or Ctrl-C stops it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Any, Callable, Coroutine, List, Tuple, TypeVar

import click

from bluma_async._wire.place_checks import is_url, resolve_place
from bluma_async.cli.interrupting import is_interrupted
from bluma_async.cli.printed_log import printed_log
from bluma_async.errors import InvalidArgumentError
from bluma_async.stores.postgres.urls import is_postgres_url

__all__ = [
    "OutputPath",
    "add_final_option",
    "add_options",
    "add_settle_options",
    "add_verify_option",
    "is_standard_output",
    "make_sandbox",
    "parse_journal",
    "run_to_end",
]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
SETTLE_TIME = 30.0  # seconds; the client's own default


class OutputPath(click.Path):
    """The place of a video: a path as a Path, and the URL of an object as it is."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the Path, or the URL as text."""
        try:
            value = resolve_place("path", value)
        except InvalidArgumentError as refused:
            self.fail(str(refused), param, ctx)
        if not is_url(value):
            return super().convert(value, param, ctx)
        if value.lower().startswith("memory:"):
            self.fail(f"{value!r} would end with this command: its memory is that of one process. Nothing was sent.")
        return value


def is_standard_output(output: Path | str | None) -> bool:
    """Whether the value of an option `-o` names the standard output."""
    return str(output) == "-"


def parse_journal(value: str) -> Path | str:
    """Return the place of a journal: the URL of a PostgreSQL database unchanged, and a path as a Path."""
    return value if is_postgres_url(value) else Path(value)


def add_options(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Return a decorator that adds several options to a command; `--help` shows them in this order."""

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def add_settle_options(command: F) -> F:
    """Add the options that decide how a create without an answer ends: `settle_time` and `exclusive_key`."""
    return add_options(
        click.option(
            "--settle-time",
            type=float,
            default=SETTLE_TIME,
            show_default=True,
            help="Seconds until a lost create that is not listed counts as not accepted.",
        ),
        click.option("--exclusive-key", is_flag=True, help="No other program uses this key: adopt a lost video."),
    )(command)


def add_final_option(command: F) -> F:
    """Add the option `final_statuses`: statuses that end a wait besides the known ones."""
    return click.option(
        "--final-status",
        "final_statuses",
        multiple=True,
        metavar="STATUS",
        help="Stop waiting at this status too; repeatable. Default: completed and failed alone.",
    )(command)


def add_verify_option(command: F) -> F:
    """Add the option that decides what of a file is compared with its description."""
    return click.option(
        "--verify",
        type=click.Choice(["size", "container", "none"]),
        default="size",
        show_default=True,
        help="Compare the file's size with its description; check its MP4 container too; or take any file.",
    )(command)


def make_sandbox(*, without_drawing: str = "", **settings: Any) -> Any:
    """
    Return a sandbox that was not started.

    Args:
        without_drawing: A sentence: how to use this command without the packages for drawing.
        **settings: Those of the sandbox.

    Raises:
        UsageError: A setting is invalid, or drawing needs the extra `sandbox`. The message says how to install it.
    """
    from bluma_async.sandbox import Sandbox  # noqa: PLC0415 - loads the server, which most commands do not need
    from bluma_async.sandbox.rendering import MissingPackageError  # noqa: PLC0415 - the same

    try:
        return Sandbox(**settings)
    except MissingPackageError as error:
        raise click.UsageError(f"{error.problem} {without_drawing}".rstrip()) from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def run_to_end(work: Coroutine[Any, Any, T], *, ends_gracefully: bool = False) -> T:
    """
    Run the coroutine of a command, and return its result.

    Ctrl-C cancels it, and KeyboardInterrupt is raised after it has ended. Without that, Python would raise
    KeyboardInterrupt at an arbitrary point of the event loop, and the command could not print how to continue. A
    further Ctrl-C cancels it again, and ends its search for interrupted creates. SIGTERM and SIGHUP cancel it too, with
    the exit code that a shell shows for them: the end of a `timeout` or of a terminal does not lose a paid video.

    Args:
        work: The coroutine.
        ends_gracefully: Whether the exit code after SIGTERM is 0, for a command that has no end of its own. For
            others, 0 means that their work is done.
    """
    if is_interrupted():
        work.close()
        raise KeyboardInterrupt
    with printed_log():
        ended_by, results = asyncio.run(_run(work, STOPPING))
    if ended_by == signal.SIGINT:
        raise KeyboardInterrupt
    if ended_by is not None and not (ends_gracefully and ended_by == signal.SIGTERM):
        raise click.exceptions.Exit(128 + ended_by)
    if not results:
        raise click.exceptions.Exit(0)
    return results[0]


async def _run(work: Coroutine[Any, Any, T], numbers: List[signal.Signals]) -> Tuple[signal.Signals | None, List[T]]:
    """Run the coroutine, and return the signal that stopped it, if any, and its result if it has one."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    came: List[signal.Signals] = []

    def cancel(number: signal.Signals) -> None:
        came.append(number)
        task.cancel()

    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # on Windows, and in other threads
        for number in numbers:
            if signal.getsignal(number) != signal.SIG_IGN:  # as in the background of a shell
                loop.add_signal_handler(number, cancel, number)
    if is_interrupted():  # before the handlers were there; the work has not begun
        cancel(signal.SIGINT)
    try:
        return None, [await task]
    except asyncio.CancelledError:
        return came[-1] if came else signal.SIGINT, []
    finally:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            for number in numbers:
                loop.remove_signal_handler(number)  # changes nothing if it was not added

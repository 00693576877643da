"""
Write to the standard output and to the standard error.

Rule 1: a video that is paid for is not lost because a line cannot be printed. If the reader has closed the pipe, or the
disk behind a redirection is full, commands go on without output; those that only print stop. What is known of a
payment, and how to continue, is printed to the standard error: it is not a file of results, and outlives a reader.
Rule 2: text of a server never controls the terminal: its control characters are printed as escapes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from io import TextIOWrapper

__all__ = [
    "clean",
    "find_width",
    "format_size",
    "is_live",
    "is_output_lost",
    "is_terminal",
    "lose_output",
    "prepare_streams",
    "say",
    "say_aside",
    "say_surely",
    "takes_output",
]

JOINERS = "\u200c\u200d"
CLOSED = {errno.EPIPE, errno.EINVAL}  # Windows reports a closed pipe as EINVAL


class _Lost:
    """The loss of the standard output: `reason` is None if its reader has just stopped reading."""

    def __init__(self) -> None:
        self.is_lost = False
        self.reason: str | None = None


_lost = _Lost()


def prepare_streams() -> None:
    """Let both streams print any text: escapes stand for the characters that their encoding lacks."""
    _lost.is_lost, _lost.reason = False, None
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # in the C locale, its error handler is not "strict", and fails too
            wrapper: TextIOWrapper = stream  # type: ignore[assignment]  # only a wrapper can be reconfigured
            wrapper.reconfigure(errors="backslashreplace")


def say(text: str) -> bool:
    """Print a line to the standard output, and return whether that was possible."""
    if sys.stdout is None and not _lost.is_lost:
        lose_output(OSError(errno.EBADF, "it is closed"))
    if not _lost.is_lost:
        try:
            click.echo(text, file=sys.stdout)
        except OSError as problem:
            lose_output(problem)
    return not _lost.is_lost


def say_surely(text: str) -> None:
    """Print a line that names something paid: to the standard error, if the standard output takes nothing."""
    if not say(text):
        say_aside(text)


def takes_output() -> bool:
    """Return whether the standard output has taken everything so far."""
    return not _lost.is_lost


def say_aside(text: str) -> None:
    """Print a line to the standard error: progress, advice, failures. Control characters are escaped."""
    with contextlib.suppress(OSError):
        click.echo("\n".join(map(clean, text.split("\n"))), err=True)


def lose_output(problem: OSError) -> None:
    """Note that the standard output takes nothing more, and print the reason unless its reader has just gone."""
    _lost.is_lost = True
    if problem.errno not in CLOSED:
        _lost.reason = problem.strerror or str(problem)
        say_aside(f"Error: the output cannot be written: {_lost.reason}.")


def is_output_lost() -> bool:
    """Return whether the results of this command were not written, and not because their reader wanted no more."""
    return _lost.reason is not None


def is_live(stream: Any) -> bool:
    """
    Return whether a stream is a terminal that can redraw a line.

    TERM=dumb cannot. A cell of a notebook that starts with `!` has a terminal too, which keeps each state of a line.
    """
    if os.environ.get("TERM", "") in {"dumb", "unknown"} or "JPY_PARENT_PID" in os.environ:
        return False
    return is_terminal(stream)


def is_terminal(stream: Any) -> bool:
    """Return whether a stream is a terminal; None, for one that was closed before the start, is none."""
    return stream is not None and bool(stream.isatty())


def find_width(most: int) -> int:
    """Return the columns of the terminal, at most this many; without a terminal, this many."""
    try:
        columns = int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr]  # a missing stream is caught
    except (ValueError, OSError, AttributeError):
        columns = 0
    return min(columns or most, most)


def format_size(size: int) -> str:
    """Return a size for people; that of a small file is not shown as 0.0 MB."""
    return f"{size / 1e6:.1f} MB" if size >= 50_000 else f"{size} bytes"


def clean(text: str) -> str:
    """
    Return text of a server with escapes for the characters that control the terminal or the direction of text.

    All spaces stay, as the wide one of Japanese, and the joiners, which emoji, Persian and Indian scripts are written
    with.
    """
    if text.isprintable():
        return text
    return "".join(char if _is_harmless(char) else char.encode("unicode_escape").decode() for char in text)


def _is_harmless(char: str) -> bool:
    if char.isprintable() or char in JOINERS:
        return True
    from unicodedata import category  # noqa: PLC0415 - few texts need it, and `--help` none

    return category(char) == "Zs"

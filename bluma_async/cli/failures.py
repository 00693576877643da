"""Print errors of the SDK in the words of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from bluma_async.cli.exit_codes import ExitCode, find_exit_code
from bluma_async.cli.output import say_aside
from bluma_async.cli.settling import format_candidates
from bluma_async.cli.spelling import spell_for_commands
from bluma_async.errors import AmbiguousCreateError

if TYPE_CHECKING:
    from bluma_async.errors import BlumaError

__all__ = ["report"]


def report(error: BlumaError, how_to_save: Callable[[str], str] | None = None) -> ExitCode:
    """
    Print an error, and return the exit code.

    Args:
        error: The error.
        how_to_save: Returns the command that saves a candidate of a lost create.
    """
    say_aside(f"Error: {spell_for_commands(str(error))}")
    if isinstance(error, AmbiguousCreateError):
        for line in (f"  Idempotency-Key: {error.idempotency_key}", *format_candidates(error.candidates, how_to_save)):
            say_aside(line)
    return find_exit_code(error)

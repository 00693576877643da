"""
Refuse options that the other options make useless: their user expects something else than what would happen.

Rule: an option counts if the user gave it, and not for its default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bluma_async.cli.continuing import find_given

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["refuse_options", "require_span"]


def refuse_options(*names: str, reason: str) -> None:
    """
    Refuse options of the running command.

    Args:
        *names: The names of their parameters.
        reason: Why they would do nothing.

    Raises:
        UsageError: One of them was given.
    """
    context = click.get_current_context()
    given = find_given(context)
    for param in context.command.params:
        if param.name in names and param.name in given:
            raise click.UsageError(f"{param.opts[0]} would do nothing: {reason}. Nothing was sent.")


def require_span(begin: datetime | None, end: datetime | None) -> None:
    """
    Require that a span of time does not end before it begins.

    Raises:
        UsageError: It does.
    """
    if begin is not None and end is not None and end < begin:
        raise click.UsageError("--to is before --from, so nothing can be found. Nothing was sent.")

"""
Spell the command that continues the running one.

Rule: every such command is built here, from the options that the user gave: the further command gets each of them
that it has too. None can be forgotten, such as the one that chooses the account.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Iterator, List, Sequence

import click
from click.core import ParameterSource

from bluma_async.cli.output import say_aside
from bluma_async.errors import InvalidArgumentError, NotFoundError
from bluma_async.stores.postgres.urls import is_postgres_url, mask_url

if TYPE_CHECKING:
    from bluma_async.errors import BlumaError

__all__ = ["advise", "find_given", "spell_command", "spell_save"]


def find_given(context: click.Context) -> List[str]:
    """Return the names of the parameters that the user gave to the running command."""
    return [name for name in context.params if context.get_parameter_source(name) == ParameterSource.COMMANDLINE]


def spell_command(name: str | None = None, **changes: Any) -> str:
    """
    Return a command with the options of the running one. The password of a database is masked.

    Args:
        name: A command of the same group; None for the running command.
        **changes: Parameters with another value; None leaves one out. A required one without a value is named in
            capitals.
    """
    context = click.get_current_context()
    group = context.parent
    assert group is not None, "a command has a group"  # noqa: S101 - its type allows None for the group itself
    assert isinstance(group.command, click.Group)  # noqa: S101 - the same
    name = name or str(context.info_name)
    command = group.command.get_command(group, name)
    assert command is not None, name  # noqa: S101 - the callers name commands that exist
    values = {**{param: context.params[param] for param in find_given(context)}, **changes}
    words = [*group.command_path.split(), name]
    for param in command.params:
        words += _spell(param, values.get(str(param.name)))
    return " ".join(map(shlex.quote, words))


def spell_save(video_id: str) -> str:
    """Return the command that saves a video, with the options of the running command."""
    return spell_command("save", video_id=video_id)


def advise(problem: BlumaError, **made: str) -> None:
    """
    Print the command that saves a paid video whose save has failed.

    Args:
        problem: The failure.
        **made: The parameter of the command `save` that has the id, and the id.
    """
    if isinstance(problem, InvalidArgumentError):  # something else is at the place meanwhile
        say_aside(f"Save the video to another place: {spell_command('save', output='ANOTHER_FILE.mp4', **made)}")
    elif not isinstance(problem, NotFoundError):
        say_aside(f"Continue with: {spell_command('save', **made)}")


def _spell(param: click.Parameter, value: Any) -> Iterator[str]:
    """Yield the words of a parameter."""
    if value is None and param.required:
        value = param.metavar or str(param.name).upper()
    values: Sequence[Any] = value if isinstance(value, tuple) else (value,)  # pyright: ignore[reportUnknownVariableType]  # click's values have no types
    for each in values:  # pyright: ignore[reportUnknownVariableType]  # the same
        if isinstance(param, click.Option) and each is not None and each is not False:
            yield param.opts[0]
        if each is not None and not isinstance(each, bool):
            yield _format(each)


def _format(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.15g}"
    return mask_url(str(value)) if is_postgres_url(value) else str(value)

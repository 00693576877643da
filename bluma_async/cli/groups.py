"""Groups of commands that load a command when it is used, and that suggest the nearest name for a misspelt one."""

from __future__ import annotations

import errno
import functools
from importlib import import_module
from typing import Any, Callable, List, Mapping, Tuple, TypeVar

import click

from bluma_async.cli.exit_codes import ExitCode
from bluma_async.cli.output import say_aside

__all__ = ["Group", "LazyGroup", "is_from", "without_subcommand"]

F = TypeVar("F", bound=Callable[..., Any])

Catalogue = Mapping[str, Tuple[str, str]]


class Group(click.Group):
    """A group that suggests the nearest command."""

    def resolve_command(
        self, ctx: click.Context, args: List[str]
    ) -> Tuple[str | None, click.Command | None, List[str]]:
        """Return the command that the arguments begin with."""
        name = click.utils.make_str(args[0])
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(_describe_unknown(name, self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """
    A group whose commands are imported when they are used: `--help` imports none of them.

    Args:
        catalogue: For each command its module, or its module and name there as `module:name`, and the line that
            `--help` shows for it.
    """

    def __init__(self, *args: Any, catalogue: Catalogue, **options: Any) -> None:
        super().__init__(*args, **options)
        self._catalogue = catalogue

    def resolve_command(
        self, ctx: click.Context, args: List[str]
    ) -> Tuple[str | None, click.Command | None, List[str]]:
        """Return the command that the arguments begin with. It is loaded now, and Ctrl-C raises KeyboardInterrupt."""
        found = super().resolve_command(ctx, args)
        from bluma_async.cli.interrupting import raise_at_interrupt  # noqa: PLC0415 - `--help` does not need it

        raise_at_interrupt()
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """
        Run the command that the arguments name.

        Raises:
            click.exceptions.Exit: A pipe or a socket that its work needs is closed.
        """
        try:
            return super().invoke(ctx)
        except OSError as problem:  # click takes every EPIPE for one of its own output, and reports nothing
            if problem.errno != errno.EPIPE or not is_from(click.Context.invoke, problem):
                raise
            say_aside(f"Error: {problem}.")
            raise click.exceptions.Exit(ExitCode.FAILED) from problem

    def list_commands(self, ctx: click.Context) -> List[str]:  # noqa: ARG002 - click's own signature
        """Return the names of the commands."""
        return sorted(self._catalogue)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's own signature
        """Return a command, imported now."""
        if cmd_name not in self._catalogue:
            return None
        module, _, name = self._catalogue[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name or cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._catalogue[name][1]) for name in self.list_commands(ctx)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> List[Any]:
        """Return the commands that begin with a text, without their imports."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only the completion needs it

        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=self._catalogue[name][1]) for name in names), *options]


def is_from(function: Callable[..., Any], problem: BaseException) -> bool:
    """Return whether an exception was raised in a function, or in one that it called."""
    trace = problem.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is function.__code__:
            return True
        trace = trace.tb_next
    return False


def without_subcommand(command: F) -> F:
    """
    Run the function of a group only if no subcommand follows, which has options of its own.

    Raises:
        UsageError: Options of the group stand before a subcommand, which would not know of them.
    """

    @click.pass_context
    @functools.wraps(command)
    def run(context: click.Context, *args: Any, **options: Any) -> Any:
        if context.invoked_subcommand is None:
            return command(*args, **options)
        for param in context.command.params:
            if context.get_parameter_source(str(param.name)) == click.core.ParameterSource.COMMANDLINE:
                path = f"{context.command_path} {context.invoked_subcommand}"
                raise click.UsageError(f"Write {param.opts[-1]} behind `{path}`. Nothing was sent.")
        return None

    return run  # type: ignore[return-value]  # click passes the options by name


def _describe_unknown(name: str, known: List[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    close = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else f" The commands are {', '.join(known)}."
    return f"There is no command {name!r}.{hint}"

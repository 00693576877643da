"""Write the tables of docs/cli.md from the commands: `python -m tests.cli.reference`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, List, Tuple

import attrs
import click

from bluma_async.cli.exit_codes import MEANINGS
from bluma_async.cli.main import bluma

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
BEGIN, END = "<!-- begin: {} -->\n", "<!-- end: {} -->\n"


def list_commands(group: Any, words: Tuple[str, ...] = ("bluma",)) -> Iterator[Tuple[Tuple[str, ...], click.Command]]:
    """Yield each command that can be run, with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield (*words, name), command
        if isinstance(command, click.Group):
            yield from list_commands(command, (*words, name))


def list_fields(command: click.Command) -> List[str]:
    """Return the fields of the JSON of a command."""
    record = getattr(command.callback, "record", None)
    return [] if record is None else [field.name for field in attrs.fields(record)]


def render_commands() -> str:
    """Return the table of the commands."""
    rows = ["| command | what it does | options | fields of its JSON |", "|---|---|---|---|"]
    for words, command in list_commands(bluma):
        arguments = [_spell(param) for param in command.params if isinstance(param, click.Argument)]
        options = [max(param.opts, key=len) for param in command.params if isinstance(param, click.Option)]
        summary = (command.help or "").strip().split("\n\n")[0].replace("\n", " ").split(". ")[0].rstrip(".") + "."
        rows.append(
            f"| `{' '.join([*words, *arguments])}` | {' '.join(summary.split())} | {_join(sorted(options))} | "
            f"{_join(list_fields(command))} |".replace("  ", " ")
        )
    return "\n".join(rows) + "\n"


def _spell(argument: click.Argument) -> str:
    name = (argument.metavar or argument.name or "").strip("[]").upper() + ("..." if argument.nargs < 0 else "")
    return name if argument.required else f"[{name}]"


def _join(names: List[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


def render_codes() -> str:
    """Return the table of the exit codes."""
    rows = [f"| {int(code)} | {meaning} |" for code, meaning in MEANINGS.items()]
    return "\n".join(["| exit code | meaning |", "|---|---|", *rows]) + "\n"


PARTS = {"exit codes": render_codes, "commands": render_commands}


def render(text: str) -> str:
    """Return the document with its tables made anew."""
    for name, make in PARTS.items():
        head, begin, rest = text.partition(BEGIN.format(name))
        _, end, tail = rest.partition(END.format(name))
        if not begin or not end:
            raise ValueError(f"docs/cli.md has no place for the {name}")
        text = head + begin + make() + end + tail
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(render(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")

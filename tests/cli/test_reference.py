"""docs/cli.md describes the commands as they are."""

from __future__ import annotations

import click
import pytest

from bluma_async.cli.main import bluma
from tests.cli.commands import KNOWN
from tests.cli.reference import DOCUMENT, list_commands, render
from tests.cli.test_cli import run

LOCAL = {  # commands that send nothing to the API, or only to a provider of Luma
    "batch migrate", "batch status", "completion", "config delete", "config list", "config path", "config set",
    "luma extend", "luma generate", "luma get", "luma modify", "luma save", "luma wait", "sandbox",
}  # fmt: skip
NO_DATA = {  # commands that print no data
    "assets", "batch adopt", "batch migrate", "collections add", "collections delete", "completion", "config delete",
    "config path", "config set", "mcp", "open", "sandbox", "types", "variants delete", "webhooks delete", "worker",
}  # fmt: skip


def test_the_document_has_every_command_and_exit_code() -> None:
    """The tables are those that `python -m tests.cli.reference` writes."""
    text = DOCUMENT.read_text(encoding="utf-8")

    assert text == render(text)


def test_the_options_are_the_same_everywhere() -> None:
    """Commands that talk to the API have --sandbox and --profile; those of Luma have --sandbox; with data, --json."""
    for words, command in list_commands(bluma):
        name = " ".join(words[1:])
        options = {option for param in command.params for option in param.opts}
        assert ({"--sandbox", "--profile"} <= options) == (name not in LOCAL), name
        assert "--sandbox" in options or "--provider" not in options, name
        assert ("--json" in options) == (name not in NO_DATA), name


def test_every_help_is_printed() -> None:
    """`--help` of each command works, also those of groups."""
    codes = {run([*words[1:], "--help"]) for words, _ in list_commands(bluma)}

    assert codes == {0}
    assert isinstance(bluma, click.Group)


@pytest.mark.parametrize("command", [" ".join(words[1:]) for words, _ in list_commands(bluma)])
def test_help_is_for_users(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It has no escape of the source, and no name of a function as that of a value."""
    assert run([*command.split(), "--help"]) == 0
    assert "\\b" not in capsys.readouterr().out
    for param in KNOWN[("bluma", *command.split())].params:
        assert param.metavar or not isinstance(param.type, click.types.FuncParamType), param.name


@pytest.mark.parametrize("group", ["", "batch", "config", "luma", "webhooks", "assets", "collections", "variants"])
def test_the_lists_of_commands_are_whole(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line says what a command does, and is not cut."""
    assert run([*group.split(), "--help"]) == 0
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]


def test_an_argument_that_can_be_left_out_is_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    """The first line of the help shows what is optional."""
    for words, command in list_commands(bluma):
        run([*words[1:], "--help"])
        usage = capsys.readouterr().out.partition("\n\n")[0]
        for param in command.params:
            if isinstance(param, click.Argument) and not param.required:
                name = (param.metavar or str(param.name)).strip("[]").upper()
                assert f"[{name}]" in usage, words

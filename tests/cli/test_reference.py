"""docs/cli.md describes the commands as they are."""

from __future__ import annotations

import click

from bluma_async.cli.main import bluma
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
    """Commands that talk to the API have --sandbox and --profile; those that print data have --json."""
    for words, command in list_commands(bluma):
        name = " ".join(words[1:])
        options = {option for param in command.params for option in param.opts}
        assert ({"--sandbox", "--profile"} <= options) == (name not in LOCAL), name
        assert ("--json" in options) == (name not in NO_DATA), name


def test_every_help_is_printed() -> None:
    """`--help` of each command works, also those of groups."""
    codes = {run([*words[1:], "--help"]) for words, _ in list_commands(bluma)}

    assert codes == {0}
    assert isinstance(bluma, click.Group)

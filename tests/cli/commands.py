"""Commands of the documents: found in blocks of a shell, and parsed as the command line parses them."""

from __future__ import annotations

import re
import shlex
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, NamedTuple, Sequence

import click

from bluma_async.cli.main import bluma
from tests.cli.reference import list_commands

ROOT = Path(__file__).resolve().parents[2]
KNOWN = dict(list_commands(bluma))
OPERATORS = {"|", "&&", "||", ";", ">"}
SUBSTITUTION = re.compile(r"\$\((.*?)\)")


class Block(NamedTuple):
    """One block of a shell in a page."""

    page: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}-{self.number}"

    @property
    def commands(self) -> List[List[str]]:
        """The words of each command, without comments and redirections."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [words for line in lines for words in _split_line(line)]

    @property
    def own_commands(self) -> List[List[str]]:
        """The arguments of each `bluma`."""
        return [words[1:] for words in self.commands if Path(words[0]).name == "bluma"]


def find_blocks(*patterns: str) -> List[Block]:
    """Return the blocks of the pages of the project with these names."""
    pages = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    blocks = [(path, re.findall(r"```sh\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)) for path in pages]
    return [Block(path.name, number, text) for path, texts in blocks for number, text in enumerate(texts)]


def find_name(arguments: Sequence[str]) -> str:
    """Return the name of the command, such as `batch run`; empty text if there is no such command."""
    names = [words for words in KNOWN if words[1:] == tuple(arguments[: len(words) - 1])]
    return " ".join(max(names, key=len)[1:]) if names else ""


def parse(arguments: Sequence[str]) -> None:
    """
    Parse the arguments of `bluma` as the command line does. Nothing is run.

    Raises:
        UsageError: There is no such command or option, or a value is invalid.
    """
    with running(*arguments):
        pass


@contextmanager
def running(*arguments: str) -> Iterator[click.Context]:
    """
    Give the context of a command with these arguments, as if it ran.

    Raises:
        UsageError: There is no such command or option, or a value is invalid.
    """
    words = find_name(arguments).split()
    if not words:
        raise click.UsageError(f"There is no command {' '.join(arguments)!r}.")
    # click keeps the option for help of a command that it has parsed once, so the settings must be those of `bluma`.
    context = click.Context(bluma, info_name="bluma", **bluma.context_settings)
    for word in words[:-1]:
        assert isinstance(context.command, click.Group)
        group = context.command.get_command(context, word)
        assert group is not None
        context = click.Context(group, info_name=word, parent=context)
    command = KNOWN[("bluma", *words)]
    with command.make_context(words[-1], list(arguments[len(words) :]), parent=context) as made:
        yield made


def _split_line(line: str) -> Iterator[List[str]]:
    """Yield the commands of a line; of `eval "$(command)"`, the inner one."""
    inner = SUBSTITUTION.search(line)
    lexer = shlex.shlex(inner[1] if inner else line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    command: List[str] = []
    for word in [*lexer, ";"]:
        if word not in OPERATORS:
            command.append(word)
        elif command:
            yield command
            command = []

"""`bluma types`: TypedDicts for the contexts of the account's templates, so that an editor finds a misspelt name."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Generator, List, Sequence

import click

from bluma_async.cli.accounts import with_account
from bluma_async.cli.completing import suggesting_template
from bluma_async.cli.context_types import HEADER, ContextTypes
from bluma_async.cli.output import say, say_aside
from bluma_async.cli.running import is_standard_output

if TYPE_CHECKING:
    from bluma_async.cli.accounts import Account
    from bluma_async.client import AsyncBluma
    from bluma_async.types import Template

__all__ = ["types"]


@click.command()
@click.argument("templates", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="The file. Default: print it, as - does.",
)
@with_account
def types(templates: Sequence[str], output: Path | None, account: Account) -> None:
    """
    Write Python types for the contexts of TEMPLATES, by default of all that the API lists.

    Each template becomes a TypedDict, made of the schema that the API has for it now. A file is replaced only if this
    command wrote it.
    """
    if is_standard_output(output):
        output = None
    if output is not None:
        _require_own(output)
    made = ContextTypes()
    account.call(lambda client: _read(client, templates, made))
    if output is None:
        say(made.render().rstrip("\n"))
        return
    _replace(output, made.render())
    say(f"The types were written to {output}")


async def _read(client: AsyncBluma, names: Sequence[str], made: ContextTypes) -> None:
    """Add the types of templates as the API describes them now."""
    wanted = list(dict.fromkeys(names)) or sorted({template.id for template in await client.templates.list()})
    found: List[Template] = []
    for name in wanted:
        with suggesting_template(name):
            found.append(await client.templates.get(name))
    for template in found:
        problem = made.add(template.id, template.context_schema)
        if problem is not None:
            say_aside(f"{template.id}: its schema is not used, because {problem}.")


def _require_own(file: Path) -> None:
    """Refuse a file that this command did not write, before anything is read from the API."""
    with _explained(file):
        if not file.parent.is_dir():
            raise click.UsageError(f"There is no folder {file.parent}. Nothing was written.")
        if file.exists() and not file.read_text(encoding="utf-8", errors="replace").startswith(HEADER):
            raise click.UsageError(f"{file} was not written by this command. Nothing was written: name another file.")


def _replace(file: Path, text: str) -> None:
    """Write a file as a whole: an import never reads half of it."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    with _explained(file):
        try:
            beside.write_bytes(text.encode())
            beside.replace(file)
        finally:
            with contextlib.suppress(OSError):
                beside.unlink()


@contextlib.contextmanager
def _explained(file: Path) -> Generator[None, None, None]:
    try:
        yield
    except OSError as problem:
        raise click.UsageError(f"{file} cannot be written: {problem.strerror}. Nothing was written.") from problem

"""
Complete and suggest ids and keys. They are read from files on this machine: a completion sends no request.

Template ids are those of the documents, and those that `bluma templates` has listed.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Generator, Iterable, List, get_args

from bluma_async._runtime.closeness import find_close
from bluma_async._runtime.home import NoHomeError
from bluma_async._runtime.state_folder import find_state_folder

if TYPE_CHECKING:
    import click

__all__ = ["complete_key", "complete_template", "list_known_templates", "remember_templates", "suggesting_template"]

MOST = 1000  # ids and keys that are remembered or offered at most
FILE = "templates.txt"
FAILURES = (OSError, ValueError, NoHomeError)


def complete_template(_: click.Context, __: click.Parameter, incomplete: str) -> List[str]:
    """Return the ids of templates that begin with a text."""
    return [name for name in list_known_templates() if name.startswith(incomplete)]


def list_known_templates() -> List[str]:
    """Return the ids of templates that this machine knows."""
    from bluma_async.types import KnownTemplate  # noqa: PLC0415 - only a completion needs it

    remembered: List[str] = []
    with contextlib.suppress(*FAILURES):
        remembered = (find_state_folder() / FILE).read_text(encoding="utf-8").splitlines()
    return sorted({name for name in (*get_args(KnownTemplate), *remembered) if name})


@contextlib.contextmanager
def suggesting_template(template: str) -> Generator[None, None, None]:
    """Add the known id that is closest to a template's to the error for one that does not exist."""
    from bluma_async.errors import NotFoundError  # noqa: PLC0415 - only a command that sends needs it

    try:
        yield
    except NotFoundError as missing:
        close = find_close(template, list_known_templates())
        if close not in {None, template}:  # the template may exist, and its preset be missing
            missing.message = f"{missing.message.rstrip('.')}. Did you mean {close!r}?"
        raise


def remember_templates(names: Iterable[str]) -> None:
    """Remember the ids of templates for completions. A folder that cannot be written to is not a reason to fail."""
    with contextlib.suppress(*FAILURES):
        folder = find_state_folder()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text("\n".join(sorted(names)[:MOST]), encoding="utf-8")


def complete_key(context: click.Context, _: click.Parameter, incomplete: str) -> List[str]:
    """Return the keys of a batch's jobs that begin with a text."""
    out, journal = context.params.get("out"), context.params.get("journal")
    place = journal or (Path(out) / "journal.sqlite" if out else None)
    if not isinstance(place, Path) or not place.is_file():
        return []
    return asyncio.run(_list_keys(place, incomplete))


async def _list_keys(journal: Path, incomplete: str) -> List[str]:
    from bluma_async.cli.accounts import open_offline  # noqa: PLC0415 - only a completion needs it
    from bluma_async.errors import BlumaError  # noqa: PLC0415 - only a completion needs it

    found: List[str] = []
    async with open_offline() as client:
        with contextlib.suppress(BlumaError):
            async for result in client.batch(journal).results():
                if result.key.startswith(incomplete):
                    found.append(result.key)
                if len(found) >= MOST:
                    break
    return found

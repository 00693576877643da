"""
The journal that a command of `bluma batch` works with.

Rule 1: every such command gets its journal here. A sandbox that ends with the command never writes to a journal that
stays: its jobs would be planned again, or count as bought, for the account that has paid for them.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Generator, Mapping

import click

from bluma_async.cli.accounts import SANDBOX_POLL_INTERVAL

if TYPE_CHECKING:
    from bluma_async.cli.accounts import Account

__all__ = ["choose_journal"]


@contextlib.contextmanager
def choose_journal(
    account: Account, options: Mapping[str, Any], *, is_continued: bool = False
) -> Generator[Dict[str, Any], None, None]:
    """
    Yield the options of a batch; in a sandbox that ends with the command, with a journal that does so too.

    Args:
        account: The account.
        options: The options of the batch, as they were given.
        is_continued: Whether the command needs the jobs of an earlier run.

    Raises:
        UsageError: It does, and the sandbox is a new one, which has none.
    """
    if account.is_temporary and is_continued:
        raise click.UsageError(
            "--sandbox is a new sandbox here, which knows no job of this journal. Set BLUMA_BASE_URL to the sandbox "
            "that ran the batch, or leave --sandbox out. Nothing was changed."
        )
    if not account.is_temporary or options["journal"] is not None:
        yield dict(options)
        return
    with tempfile.TemporaryDirectory(prefix="bluma-") as folder:
        changed: Dict[str, Any] = {**options, "journal": Path(folder, "journal.sqlite")}
        yield {**changed, "poll_interval": SANDBOX_POLL_INTERVAL} if "poll_interval" in options else changed

"""The `bluma` command. It parses arguments and calls the client. Needs the extra `cli`."""

from __future__ import annotations

from bluma_async.cli.main import run

__all__ = ["run"]

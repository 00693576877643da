"""
The `bluma` command. It parses arguments and calls the client. Needs the extra `cli`.

Exit codes: 0 success, 1 the API or a video failed, 2 the arguments are invalid or the key is missing, 5 a create may
have been accepted and billed although the command failed, 130 Ctrl-C.
"""

from __future__ import annotations

import sys
from typing import Sequence

import click

from bluma_async._version import __version__
from bluma_async.cli.batch import batch
from bluma_async.cli.generate import generate, save
from bluma_async.cli.luma import luma
from bluma_async.cli.mcp import mcp
from bluma_async.cli.sandbox import sandbox
from bluma_async.cli.settling import format_candidates
from bluma_async.cli.types import types
from bluma_async.cli.worker import worker
from bluma_async.errors import AmbiguousCreateError, BlumaError, InvalidArgumentError

__all__ = ["run"]

IN_DOUBT = 5  # of its own: a script that repeats failed commands must not repeat this one


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def bluma() -> None:
    """Generate video through the Bluma API."""


bluma.add_command(batch)
bluma.add_command(generate)
bluma.add_command(luma)
bluma.add_command(mcp)
bluma.add_command(save)
bluma.add_command(sandbox)
bluma.add_command(types)
bluma.add_command(worker)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = bluma.main(args=arguments, prog_name="bluma", standalone_mode=False)
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BlumaError as error:
        return _report(error)
    return code if isinstance(code, int) else 0  # click returns the code of an `Exit` exception


def _report(error: BlumaError) -> int:
    """Print an error and return the exit code."""
    print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - a command prints its errors
    if isinstance(error, AmbiguousCreateError):
        for line in (f"  Idempotency-Key: {error.idempotency_key}", *format_candidates(error.candidates)):
            print(line, file=sys.stderr)  # noqa: T201 - a command prints its errors
        return IN_DOUBT
    has_no_key = type(error) is BlumaError and error.status == 401
    return 2 if has_no_key or isinstance(error, InvalidArgumentError) else 1

"""
The exit codes of the command line, which scripts rely on, and the code that each error leads to.

Rule 1: a code keeps its meaning for ever. A new meaning gets a new number.
Rule 2: a create in doubt has a code of its own: a script that repeats failed commands must not repeat this one.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bluma_async.errors import BlumaError

__all__ = ["MEANINGS", "ExitCode", "find_exit_code"]


class ExitCode(IntEnum):
    """The exit codes."""

    SUCCESS = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    AUTHENTICATION = 4
    IN_DOUBT = 5
    TIMEOUT = 6
    INTERRUPTED = 130


# Shown by `--help` and in the documents.
MEANINGS = {
    ExitCode.SUCCESS: "success",
    ExitCode.FAILED: "a video failed, the network or the server failed, or anything else",
    ExitCode.USAGE: "the arguments are invalid; nothing was sent",
    ExitCode.REFUSED: "the API refused the request: not found, too few credits, rate limit",
    ExitCode.AUTHENTICATION: "the API key is missing, wrong or revoked",
    ExitCode.IN_DOUBT: "a create may have been accepted and billed: do not just repeat it",
    ExitCode.TIMEOUT: "the time to wait was over; the video goes on",
    ExitCode.INTERRUPTED: "Ctrl-C (SIGTERM: 143, SIGHUP: 129); what may be billed is printed",
}


def find_exit_code(error: BlumaError) -> ExitCode:
    """Return the exit code for an error of the SDK."""
    from bluma_async import errors  # noqa: PLC0415 - only a failure needs it

    # In this order: an invalid argument is also a ValidationError, and a lost create also a network error.
    if isinstance(error, errors.AmbiguousCreateError):
        return ExitCode.IN_DOUBT
    if isinstance(error, errors.InvalidArgumentError):
        return ExitCode.USAGE
    if isinstance(error, TimeoutError):
        return ExitCode.TIMEOUT
    if error.status == 401:  # also the BlumaError for a key that is missing
        return ExitCode.AUTHENTICATION
    is_refused = isinstance(error, errors.APIError) and 400 <= error.status < 500
    return ExitCode.REFUSED if is_refused else ExitCode.FAILED

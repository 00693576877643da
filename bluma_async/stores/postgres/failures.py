"""
The exceptions by which a database reports that it cannot be used, as errors of the SDK.

Rule: every place that connects catches the same kinds, which are listed here. A database that refuses a statement was
reached, and its error says so.
"""

from __future__ import annotations

from typing import Any, Tuple, Type

from bluma_async.errors import BlumaError
from bluma_async.stores.postgres.urls import mask_secrets, name_database

__all__ = [
    "LostDatabaseError",
    "ReplacedTablesError",
    "build_opening_error",
    "describe_failure",
    "is_lost",
    "list_failures",
]


class LostDatabaseError(BlumaError):
    """The connection to the database was lost. A member of a fleet reports that once, by its lease."""


class ReplacedTablesError(BlumaError):
    """The tables are not those that this process has opened. It must not go on: its jobs and its epoch mean others."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The tables of bluma in {name} were made anew, or restored, since this process opened them. It does "
            "nothing in them, and sends no create. Start it again to use them."
        )


def list_failures(psycopg: Any) -> Tuple[Type[Exception], ...]:
    """Return the kinds; OSError includes TimeoutError, and UnicodeError is that of a host name such as `a..b`."""
    return (psycopg.Error, OSError, UnicodeError)


def is_lost(psycopg: Any, problem: BaseException) -> bool:
    """Return whether a failure is that of a connection, and not of a statement."""
    lost = (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout, OSError)
    return isinstance(problem, lost) and not isinstance(problem, psycopg.errors.ProgramLimitExceeded)


def describe_failure(problem: BaseException, url: str) -> str:
    """
    Return the message of an exception in one line, without a password of the URL.

    The library that psycopg uses writes a line for each address of a host, and behind it a question as advice.
    """
    lines = [" ".join(line.split()) for line in str(problem).splitlines()]
    facts = [line.rstrip(".") for line in lines if line and not line.endswith("?")]
    return mask_secrets("; ".join(facts) or type(problem).__name__, url)


def build_opening_error(psycopg: Any, problem: BaseException, url: str) -> BlumaError:
    """Return the error for a database that cannot be connected to, or whose tables cannot be created or read."""
    name, reason, problems = name_database(url), describe_failure(problem, url), psycopg.errors
    if isinstance(problem, (problems.InsufficientPrivilege, problems.ReadOnlySqlTransaction)):
        return BlumaError(
            f"The tables of bluma in {name} cannot be created or used by this user: {reason}. Run `bluma batch "
            "migrate` as a user who may. Nothing was sent."
        )
    lost = (psycopg.OperationalError, psycopg.InterfaceError)
    if isinstance(problem, psycopg.Error) and not isinstance(problem, lost):
        return BlumaError(f"The database {name} was reached, but refused a statement: {reason}. Nothing was sent.")
    return BlumaError(f"The database {name} cannot be reached: {reason}. Nothing was sent.")

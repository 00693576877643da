"""The home folder of this user, which not every user has: one of a container may have neither HOME nor a name."""

from __future__ import annotations

from pathlib import Path

from bluma_async.errors import BlumaError

__all__ = ["NoHomeError", "find_home"]


class NoHomeError(BlumaError):
    """The user has no home folder."""


def find_home(variable: str) -> Path:
    """
    Return the home folder.

    Args:
        variable: The environment variable by which the user names another folder.

    Raises:
        NoHomeError: There is none.
    """
    try:
        return Path.home()
    except (RuntimeError, KeyError):  # KeyError: Python 3.8
        problem = f"This user has no home folder: set HOME, or name a folder in {variable}. Nothing was sent."
    raise NoHomeError(problem)

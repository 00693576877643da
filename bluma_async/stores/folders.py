"""
Name the folder for files that the processes of one journal agree on, and compare it with that of another process.

Rule 1: a local folder is recorded as an absolute path, because processes have different working directories. Links are
kept: the same path may be a link to different mounts on two machines.
Rule 2: two names mean one folder if their paths are equal, or lead to one place on this machine. URLs are compared as
text.
Rule 3: everything here blocks.
"""

from __future__ import annotations

import os

from bluma_async._wire.place_checks import is_url

__all__ = ["is_absolute", "is_same_folder", "name_folder"]


def name_folder(out: str) -> str:
    """Return a local folder as an absolute path, and a URL unchanged."""
    return out if is_url(out) else os.path.abspath(out)  # noqa: PTH100 - `resolve` would follow links: see rule 1


def is_absolute(folder: str) -> bool:
    """Return whether a name means the same folder in every working directory."""
    return is_url(folder) or os.path.isabs(folder)  # noqa: PTH117 - text is compared, and no Path is needed


def is_same_folder(agreed: str, out: str) -> bool:
    """
    Return whether two names mean one folder.

    Args:
        agreed: The name in the journal. A relative one, of an earlier version, is below the working directory.
        out: The name of this process, from `name_folder`.
    """
    are_local = not (is_url(agreed) or is_url(out))
    return agreed == out or (are_local and _resolve(agreed) == _resolve(out))


def _resolve(folder: str) -> str:
    return os.path.normcase(os.path.realpath(folder))

"""The folder of this user for state that is not precious."""

from __future__ import annotations

import os
from pathlib import Path

from bluma_async._runtime.home import find_home

__all__ = ["find_state_folder"]


def find_state_folder() -> Path:
    """
    Return the folder: BLUMA_STATE_DIR, else the system's usual place.

    Raises:
        NoHomeError: There is no such place. The message names the variable.
    """
    named = os.environ.get("BLUMA_STATE_DIR", "").strip()
    if named:
        return Path(named)
    local = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_STATE_HOME")
    return Path(local or find_home("BLUMA_STATE_DIR") / ".local" / "state", "bluma")

"""The folder of this user for state that is not precious."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["find_state_folder"]


def find_state_folder() -> Path:
    """Return the folder: BLUMA_STATE_DIR, else the system's usual place."""
    named = os.environ.get("BLUMA_STATE_DIR", "").strip()
    if named:
        return Path(named)
    local = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_STATE_HOME")
    return Path(local or Path.home() / ".local" / "state", "bluma")

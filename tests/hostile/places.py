"""Things that stand where a file should be."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Callable, Dict

PRECIOUS = b"precious"


def _bind(path: Path) -> None:
    bound, before = socket.socket(socket.AF_UNIX), Path.cwd()
    try:
        os.chdir(path.parent)  # the path of a socket may have about a hundred characters
        bound.bind(path.name)
    finally:
        os.chdir(before)
        bound.close()


def _make_victim(path: Path) -> Path:
    victim = path.parent.parent / "victim"
    victim.write_bytes(PRECIOUS)
    return victim


SPECIAL: Dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a symbolic link": lambda path: path.symlink_to(_make_victim(path)),
    "a symbolic link to nothing": lambda path: path.symlink_to(path.parent.parent / "victim"),
    "a symbolic link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a socket": _bind,
}


def put_hard_link(path: Path) -> None:
    """Make the path a second name of another file."""
    os.link(_make_victim(path), path)


def read_victim(path: Path) -> bytes:
    """Return the content of the file that a link leads to; what was written there, if it did not exist."""
    victim = path.parent.parent / "victim"
    return victim.read_bytes() if victim.exists() else PRECIOUS

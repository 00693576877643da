"""Disks as `os.statvfs` describes them."""

from __future__ import annotations

import os

__all__ = ["make_disk"]


def make_disk(*, room: int = 2**30, files: int = 1000, free_files: int = 1000, flag: int = 0) -> os.statvfs_result:
    """Return the facts about a disk with this room in bytes."""
    return os.statvfs_result((4096, 4096, 2**20, room // 4096, room // 4096, files, free_files, free_files, flag, 255))

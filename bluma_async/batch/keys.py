"""
Keys of jobs as names of files: the same rules on Linux, macOS and Windows, so that a journal can move between them.

Rule: a key that cannot be a file name is refused before the first create, because its paid video could not be saved. A
journal of an earlier release may have such a key; it stays valid, and its file gets a shorter name if necessary.
"""

from __future__ import annotations

import hashlib
import re

__all__ = ["build_file_name", "find_key_problem", "is_key"]

SUFFIX = ".mp4"
# No path, no character that Windows refuses, no dot at the beginning, no dot or space at the end.
SHAPE = re.compile(r"(?!\.)[^\x00-\x1f\x7f/\\:*?\"<>|]+(?<![. ])")
MOST_BYTES = 255 - len(SUFFIX) - 32  # every system allows 255; 32 to spare for `.part.json` and `.part.lock` beside it
# Windows opens a device for these names, with any extension.
PORTS = frozenset(f"{port}{number}" for port in ("com", "lpt") for number in "123456789¹²³")
RESERVED = PORTS | {"con", "prn", "aux", "nul", "conin$", "conout$"}


def is_key(value: object) -> bool:
    """Return whether a value is text that can be a file name by its characters."""
    return isinstance(value, str) and SHAPE.fullmatch(value) is not None and _count_bytes(value) is not None


def find_key_problem(key: str) -> str:
    """Return why the file of a new key could not be saved on every system; empty text if it can."""
    size, device = _count_bytes(key) or 0, key.partition(".")[0].rstrip(" ")
    if size > MOST_BYTES:
        return f"it names a file, so it may have at most {MOST_BYTES} bytes in UTF-8, and {key[:20]!r}... has {size}"
    if device.lower() in RESERVED:
        return f"it names a file, and {device!r} is a device on Windows"
    return ""


def build_file_name(key: str) -> str:
    """Return the name of a key's file. A long key is cut, and a hash of the whole key keeps the name unique."""
    raw = key.encode("utf-8", "surrogatepass")
    if len(raw) <= MOST_BYTES:
        return key + SUFFIX
    digest = hashlib.sha256(raw).hexdigest()[:12]
    return f"{raw[: MOST_BYTES - len(digest) - 1].decode('utf-8', 'ignore')}-{digest}{SUFFIX}"


def _count_bytes(key: str) -> int | None:
    """Return the length in UTF-8; None for text that has none (a lone surrogate)."""
    try:
        return len(key.encode("utf-8"))
    except UnicodeEncodeError:
        return None

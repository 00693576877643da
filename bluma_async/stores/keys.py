"""Compare the keys of jobs as file systems compare names."""

from __future__ import annotations

import hashlib
import unicodedata

__all__ = ["fingerprint_key", "fold_key"]


def fingerprint_key(base_url: str, api_key: str, size: int = 16) -> str:
    """Return a name for an API key that says nothing about it, of this many hex digits."""
    return hashlib.sha256(f"{base_url} {api_key}".encode()).hexdigest()[:size]


def fold_key(key: str) -> str:
    """
    Return the form in which two keys are equal if any common file system takes their files for one.

    Windows and macOS ignore case, and macOS also ignores how an accented letter is composed.
    """
    if key.isascii():
        return key.lower()  # the same, and much faster
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", key).casefold())

"""The caller's key of a create."""

from __future__ import annotations

from bluma_async._wire.checks import invalid, require_text

__all__ = ["require_key"]

LONGEST_KEY = 500  # characters; the index of a database takes about 2,700 bytes


def require_key(key: object) -> str:
    """Return a key that a database can store."""
    text = require_text("key", key)
    is_storable = "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
    if len(text) > LONGEST_KEY or not is_storable:
        raise invalid(
            "key",
            f"key must be text of at most {LONGEST_KEY} characters that UTF-8 has, without NUL.",
        )
    return text

"""
A secret text that travels through functions as a local variable.

Error reporters store the local variables of each frame of a traceback, and show them. A plain text would be in every
report; of this object they store the repr.
"""

from __future__ import annotations

__all__ = ["NO_SECRET", "Secret"]

SHORTEST = 8  # characters; a shorter text is not a key, and masking it would damage every message
MASK = "***"


class Secret:
    """A text that its repr does not show. Two secrets with the same text are equal."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return f"Secret('{MASK}')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def reveal(self) -> str:
        """Return the text. Do not store it in a variable of a frame that an exception can pass through."""
        return self._text

    @property
    def can_be_masked(self) -> bool:
        """Whether the text is long enough to be replaced wherever it occurs."""
        return len(self._text) >= SHORTEST

    def mask(self, text: str) -> str:
        """Return a text with the secret replaced."""
        return text.replace(self._text, MASK) if self.can_be_masked else text

    def mask_bytes(self, data: bytes) -> bytes:
        """Return bytes with the secret replaced."""
        return data.replace(self._text.encode(), MASK.encode()) if self.can_be_masked else data

    def is_in(self, text: str) -> bool:
        """Return whether a text contains the secret."""
        return bool(self._text) and self._text in text


NO_SECRET = Secret("")

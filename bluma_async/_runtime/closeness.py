"""Find the known name that a misspelt one stands for."""

from __future__ import annotations

from typing import Iterable

__all__ = ["find_close"]

CUTOFF = 0.8  # of difflib's ratio: "resoluton" and "watermarked" are above it, "duration" for "resolution" is below
LONGEST = 100  # characters; the comparison takes quadratic time, and no known name is longer


def find_close(name: object, known: Iterable[str]) -> str | None:
    """Return the known name that is closest to a name, in any letter case; None if none is close."""
    from difflib import SequenceMatcher  # noqa: PLC0415 - only a mistake needs it

    if not isinstance(name, str) or len(name) > LONGEST:
        return None
    matcher = SequenceMatcher(b=name.casefold())
    best, found = CUTOFF, None
    for candidate in known:
        matcher.set_seq1(candidate.casefold())
        if matcher.real_quick_ratio() >= best and matcher.ratio() >= best:
            best, found = matcher.ratio(), candidate
    return found

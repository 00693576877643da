"""Find the known name that a misspelt one stands for."""

from __future__ import annotations

from typing import Iterable

__all__ = ["find_close"]

CUTOFF = 0.8  # of difflib's ratio: "resoluton" and "watermarked" are above it, "duration" for "resolution" is below
SHORTEST_SWAPPED = 4  # letters of a known name in which two that are swapped are a mistake
LONGEST = 100  # characters; the comparison takes quadratic time, and no known name is longer


def find_close(name: object, known: Iterable[str]) -> str | None:
    """Return the known name that is closest to a name, in any letter case; None if none is close."""
    from difflib import SequenceMatcher  # noqa: PLC0415 - only a mistake needs it

    if not isinstance(name, str) or len(name) > LONGEST:
        return None
    folded = name.casefold()
    matcher = SequenceMatcher(b=folded)
    best, found = CUTOFF, None
    for candidate in known:
        matcher.set_seq1(candidate.casefold())
        if matcher.real_quick_ratio() < best:
            continue
        ratio = max(matcher.ratio(), CUTOFF if _is_swapped(folded, candidate.casefold()) else 0.0)
        if ratio >= best:
            best, found = ratio, candidate
    return found


def _is_swapped(name: str, known: str) -> bool:
    """
    Return whether two neighbouring letters of a known name are swapped, as in "txet".

    The ratio counts them as two mistakes, which is too much for a short name. A shorter one may be a word of its own,
    as "act" is beside "cat".
    """
    if len(name) != len(known) or len(known) < SHORTEST_SWAPPED:
        return False
    places = [place for place, (one, other) in enumerate(zip(name, known)) if one != other]
    first, last = (places[0], places[-1]) if places else (0, 0)
    return len(places) == 2 and last == first + 1 and name[first : last + 1] == known[last] + known[first]

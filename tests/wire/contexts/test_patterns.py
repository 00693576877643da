"""Patterns whose time cannot be bounded are not used; the others only on texts that are short enough."""

from __future__ import annotations

import re
import time

import pytest

from bluma_async._wire.contexts.patterns import LONGEST_TEXT, find_longest_text


@pytest.mark.parametrize(
    ("pattern", "repeats"),
    [
        (r"^#[0-9A-Fa-f]{6}$", 0),
        (r"^(https?)://", 0),
        (r"^[^\]*+]$", 0),
        (r"^\d{4}-\d{2}-\d{2}$", 0),
        (r"^[a-z0-9_-]+$", 1),
        (r"^a{2,}$", 1),
        (r"^https?://[^/]+/.*$", 2),
        (r"^\+[0-9]+\*$", 1),
        ("^(" + "|".join(f"w{n}" for n in range(50)) + ")$", 0),
    ],
)
def test_usual_patterns_are_used(pattern: str, repeats: int) -> None:
    """The more parts repeat, the shorter the text may be."""
    assert find_longest_text(pattern) == LONGEST_TEXT[repeats]


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$", "(a|a)*b", "(a*)*", "([a-z]+)*=", "(?:a+){2,}", "(a+){9}", "a*a*a*b", "(?=a+)b", r"(a)\1+", "(?i)a",
        "a?a?a?a?a?a?aaaaaa", "(a|a)" * 6, "(a|ab)(c|bcd)" * 4, "[", "[[a]", "[a&&b]", "a(?i)b",
        "x" * 201, r"\p{L}", 5, None,
    ],
)  # fmt: skip
def test_patterns_without_a_bound_are_not_used(pattern: object) -> None:
    """
    Groups that repeat, references, looks ahead, many optional parts or alternatives, invalid or very long patterns.

    A pattern about which `re` would warn is not used either: the warning would be shown, or raised, in a create.
    """
    assert find_longest_text(pattern) is None


@pytest.mark.parametrize(
    "pattern", ["^[a-z]+[a-z]+$", ".*.*=", "[a-z]*[a-z]*[0-9]", "a?a?a?a?a?b", ".+=", "[^=]*=", "(a|a)" * 5 + "b"]
)
def test_a_pattern_that_is_used_is_fast(pattern: str) -> None:
    """On the worst text that it is applied to."""
    text = "a" * (find_longest_text(pattern) or 0)
    began = time.process_time()

    re.search(pattern, text + "\x00" if len(text) < 1000 else text[:-1] + "\x00")

    assert time.process_time() - began < 2.0

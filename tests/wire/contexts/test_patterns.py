"""Patterns whose time cannot be bounded are not used; the others only on texts that are short enough."""

from __future__ import annotations

import re
import time

import pytest

from bluma_async._wire.contexts.patterns import LONGEST_TEXT, MOST_STEPS, find_cost, find_longest_text


@pytest.mark.parametrize(
    ("pattern", "least"),
    [
        (r"^#[0-9A-Fa-f]{6}$", LONGEST_TEXT),
        (r"^(https?)://", LONGEST_TEXT),
        (r"^[^\]*+]$", LONGEST_TEXT),
        (r"^\d{4}-\d{2}-\d{2}$", LONGEST_TEXT),
        (r"^[a-z0-9_-]+$", LONGEST_TEXT),
        (r"^a{2,}$", LONGEST_TEXT),
        (r"^\+[0-9]+\*$", LONGEST_TEXT),
        ("^(" + "|".join(f"w{n}" for n in range(50)) + ")$", LONGEST_TEXT),
        (r"[0-9]+", 1000),
        (r"^[^@]+@[a-z.]+$", 500),
        (r"^https?://[^/]+/.*$", 300),
    ],
)
def test_usual_patterns_are_used(pattern: str, least: int) -> None:
    """The more parts repeat, and the more places a match can begin at, the shorter the text may be."""
    assert (find_longest_text(pattern) or 0) >= least


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$", "(a|a)*b", "(a*)*", "([a-z]+)*=", "(?:a+){2,}", "(a+){9}", "a*a*a*b", "(?=a+)b", r"(a)\1+", "(?i)a",
        "a?a?a?a?a?a?aaaaaa", "(a|a)" * 6, "(a|ab)(c|bcd)" * 4, "[", "[[a]", "[a&&b]", "a(?i)b",
        "x" * 201, r"\p{L}", 5, None, "(?:a|a|a)a?a?a?a?a?a*a*b",
    ],
)  # fmt: skip
def test_patterns_without_a_bound_are_not_used(pattern: object) -> None:
    """
    Groups that repeat, references, looks ahead, many optional parts or alternatives, invalid or very long patterns.

    A pattern about which `re` would warn is not used either: the warning would be shown, or raised, in a create.
    """
    assert find_longest_text(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "^[a-z]+[a-z]+$", ".*.*=", "[a-z]*[a-z]*[0-9]", "a?a?a?a?a?b", ".+=", "[^=]*=", "(a|a)" * 5 + "b",
        "a?a?a?a?a?a*a*$", "^a?a?a?a?a?a*a*b", "a*" + "a" * 45 + "c", "a{900}b", "a{50}a*b", "a{2,50}a{3,}b",
        "a*?a??a*b",
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["", "\x00", "b"])
def test_a_pattern_that_is_used_is_fast(pattern: str, end: str) -> None:
    """On the worst text that it is applied to: a few milliseconds, and much less than a text of 200 characters took."""
    cost = find_cost(pattern)
    assert cost is not None
    text = "a" * (cost.longest - len(end)) + end
    began = time.process_time()

    re.search(pattern, text)

    assert time.process_time() - began < 0.1
    assert cost.count_steps(cost.longest) <= MOST_STEPS


@pytest.mark.parametrize(
    ("pattern", "places"), [("^a*b", 1), ("a*b", 2), ("^a*b|a*c", 3), ("^(?:a|b)c*", 1), ("(^a|b)", 1)]
)
def test_a_match_that_can_begin_anywhere_takes_longer(pattern: str, places: int) -> None:
    """It can only begin at the start of the text if each alternative says so."""
    cost = find_cost(pattern)

    assert cost is not None
    assert cost.places == places

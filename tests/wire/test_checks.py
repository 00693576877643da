"""Argument checks: each refuses invalid values, and names the argument and the valid values."""

from __future__ import annotations

import math
from typing import Any, Dict

import pytest

from bluma_async._wire import checks, place_checks
from bluma_async.errors import InvalidArgumentError

HEADERS = "n must be header names and values as text without line breaks, not 'a'."


def find(check: str) -> Any:
    """Return a check of either module."""
    return getattr(checks, check, None) or getattr(place_checks, check)


@pytest.mark.parametrize("value", ["", "  ", None, 5, []])
def test_required_text_is_text(value: object) -> None:
    """Empty text and other types are refused, and the error names the argument."""
    with pytest.raises(InvalidArgumentError) as caught:
        checks.require_text("name", value)

    assert caught.value.field == "name"


@pytest.mark.parametrize(
    ("check", "value", "details", "message"),
    [
        ("require_number", True, {}, "n must be a number of at least 0, not True."),
        ("require_number", math.nan, {"optional": True}, "n must be a number of at least 0 or None, not nan."),
        ("require_number", 0, {"above": 0}, "n must be a number greater than 0, not 0."),
        ("require_seconds", math.inf, {}, "n must be a number of seconds of at least 0, not inf."),
        ("require_seconds", 0.5, {"at_least": 1}, "n must be a number of seconds of at least 1, not 0.5."),
        ("require_seconds", 0, {"above": 0}, "n must be a number of seconds above 0, not 0."),
        ("require_whole", 1.0, {"at_least": 1}, "n must be a whole number of at least 1, not 1.0."),
        ("require_choice", "c", {"choices": ("a", "b")}, "n must be one of a, b, not 'c'."),
        ("require_choice", ["a"], {"choices": ("a", "b")}, "n must be one of a, b, not ['a']."),
        ("require_callable", 3, {}, "n must be a function or None, not 3."),
        ("require_mapping", [], {"example": "{}"}, "n must be a mapping such as {}, not []."),
        ("require_id_list", "x", {}, "n must be a list of ids, not one: ['x']."),
        ("require_id_list", b"x", {}, "n must be a list of ids, not b'x'."),
        ("require_id_list", 5, {"kind": "words"}, "n must be a list of words, not 5."),
        ("require_id_list", [5], {}, "n must be a non-empty string, not 5."),
        ("require_number", 10**400, {}, f"n must be a number of at least 0, not {10**400}."),
        ("require_path", "a\0b", {}, "n must be a path as text or a Path, not 'a\\x00b'."),
        ("require_path", 5, {}, "n must be a path as text or a Path, not 5."),
        ("require_path", "\ud800", {}, "n must be a path as text or a Path, not '\\ud800'."),
        ("require_headers", {"a": "secret\n"}, {}, HEADERS),
        ("require_headers", {"a": "\ud800"}, {}, HEADERS),
    ],
)
def test_an_invalid_value_is_refused(check: str, value: object, details: Dict[str, Any], message: str) -> None:
    """The error names the argument and the valid values, and shows the value unless it may be a secret."""
    with pytest.raises(InvalidArgumentError) as caught:
        find(check)("n", value, **details)

    assert str(caught.value) == f"{message} Nothing was sent."
    assert caught.value.field == "n"


@pytest.mark.parametrize(
    ("check", "value", "details"),
    [
        ("require_number", 0, {}),
        ("require_number", None, {"optional": True}),
        ("require_number", 0.1, {"above": 0}),
        ("require_seconds", 0, {}),
        ("require_whole", 1, {"at_least": 1}),
        ("require_choice", "a", {"choices": ("a", "b")}),
        ("require_callable", None, {}),
        ("require_mapping", {}, {"example": "{}"}),
        ("require_id_list", ["x"], {}),
        ("require_headers", {"a": "b"}, {}),
        ("require_path", "a/ü", {}),
        ("require_http_url", "http://127.0.0.1:5001/api/v1", {}),
        ("require_header_text", "bluma_test_1", {}),
    ],
)
def test_a_valid_value_passes(check: str, value: object, details: Dict[str, Any]) -> None:
    """The limits of the valid values are valid."""
    find(check)("n", value, **details)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://x", "http://", "http://x:0", "http://x:99999", "http://x y/", 3),
        *("http://x/?q", "http://x/api?", "http://x?", "http://x/#f", "http://x/api#", "http://@x/"),
    ],
)
def test_an_invalid_base_url_is_refused(url: object) -> None:
    """A base URL has a host, and neither user, query nor fragment, not even an empty one: a path goes behind it."""
    with pytest.raises(InvalidArgumentError, match="base_url must be an http"):
        place_checks.require_http_url("base_url", url)


def test_a_password_in_a_url_is_not_shown() -> None:
    """The error for a URL with a login masks the login."""
    with pytest.raises(InvalidArgumentError) as caught:
        place_checks.require_http_url("base_url", "http://user:secret@host/")

    assert "secret" not in str(caught.value)


def test_a_header_secret_is_not_shown() -> None:
    """The error for an unusable key does not contain the key."""
    with pytest.raises(InvalidArgumentError) as caught:
        place_checks.require_header_text("api_key", "secret key")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": 1, "offset": -1}, "offset"),
        ({"limit": 1, "page": 0}, "page"),
    ],
)
def test_an_invalid_page_is_refused(arguments: Dict[str, Any], name: str) -> None:
    """A page has 1 to 100 items; offsets count from 0 and pages from 1."""
    with pytest.raises(InvalidArgumentError) as caught:
        checks.require_page(**arguments)

    assert caught.value.field == name

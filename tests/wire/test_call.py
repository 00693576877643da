"""Calls are built from arguments, or refused."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from bluma_async._runtime.secret import Secret
from bluma_async._wire import call
from bluma_async.errors import InvalidArgumentError, NotFoundError
from tests.fakes import answer


@pytest.mark.parametrize(
    ("identifier", "path"),
    [
        ("batch_1", "/videos/batch_1"),
        ("../templates", "/videos/..%2Ftemplates"),
        ("a/b?c#d", "/videos/a%2Fb%3Fc%23d"),
        ("ä \0", "/videos/%C3%A4%20%00"),
        ("...", "/videos/..."),
        ("%2e%2e", "/videos/%252e%252e"),
    ],
)
def test_ids_stay_one_segment(identifier: str, path: str) -> None:
    """Trap T-19: no character of an id can change the route."""
    assert call.path("/videos", identifier) == path


@pytest.mark.parametrize("identifier", ["", " ", ".", "..", None, 5, b"x", "\ud800"])
def test_an_invalid_id_is_refused(identifier: Any) -> None:
    """An empty id, `.` and `..`, and values that are not text are refused before any request."""
    with pytest.raises(InvalidArgumentError, match="Nothing was sent"):
        call.path("/videos", identifier)


def test_only_none_is_absent() -> None:
    """Trap T-13: False, 0 and empty values are sent."""
    made = call.get("/x", str, a=None, b=False, c=0, d="", e=True, f="ä&=")

    assert made.path == "/x?b=false&c=0&d=&e=true&f=%C3%A4%26%3D"
    assert call.get("/x", str, a=None).path == "/x"
    assert call.compact(a=None, b=False, c={}) == {"b": False, "c": {}}


def test_dates_are_sent_in_utc() -> None:
    """A time with an offset is converted; one without an offset is local time."""
    aware = datetime(2025, 11, 3, 12, 30, tzinfo=timezone(timedelta(hours=2)))
    naive = datetime(2025, 11, 3, 12, 30)  # noqa: DTZ001 - the case that is tested

    assert call.get("/x", str, at=aware).path == "/x?at=2025-11-03T10%3A30%3A00Z"
    assert call.get("/x", str, at=naive).path == call.get("/x", str, at=naive.astimezone()).path


def test_bodies_are_plain_json() -> None:
    """Bodies are compact UTF-8, and keys are sent unchanged."""
    body = call.post("/x", str, {"systemPrompt": "ü", "n": [1.5, None]}).body

    assert body == '{"systemPrompt":"ü","n":[1.5,null]}'.encode()
    assert json.loads(body) == {"systemPrompt": "ü", "n": [1.5, None]}
    assert call.post("/x", str).body is None


@pytest.mark.parametrize("value", [datetime.now(timezone.utc), b"bytes", float("nan"), {1, 2}, "\ud800"])
def test_a_value_that_is_not_json_is_refused(value: object) -> None:
    """Arguments that are not JSON values are refused before any request."""
    with pytest.raises(InvalidArgumentError, match="plain JSON"):
        call.post("/x", str, {"context": value})


@pytest.mark.parametrize("body", [b"OK", b"", b"{", b"<html>", b"\xff", b'{"anything": 1}'])
def test_deletes_ignore_the_body(body: bytes) -> None:
    """Any body of a 2xx answer means success: there is nothing to read."""
    read = call.delete("/x").read

    assert read is not None
    assert read(answer(200, body), Secret("k")) is None
    with pytest.raises(NotFoundError):
        read(answer(404, body), Secret("k"))

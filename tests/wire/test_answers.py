"""Answers become data or the errors that they report."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async import errors
from bluma_async._wire.answers import decode_error, read_answer
from bluma_async.errors import APIError
from tests.fakes import answer, problem


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.ValidationError),
        (401, errors.AuthenticationError),
        (402, errors.InsufficientCreditsError),
        (403, errors.ForbiddenError),
        (404, errors.NotFoundError),
        (429, errors.RateLimitError),
        (500, errors.ServerError),
        (503, errors.ServerError),
        (599, errors.ServerError),
        (409, APIError),
    ],
)
def test_errors_are_classified_by_status(status: int, kind: type) -> None:
    """Items 93 to 99: the status alone decides the class, not the body."""
    error = decode_error(problem(status, type="not_found"))

    assert type(error) is kind
    assert error.status == status
    assert (error.message, error.type, error.title, error.detail) == ("It failed.", "not_found", "X", "It failed.")


def test_a_wrong_base_url_is_suspected() -> None:
    """A 404 without the API's error, and a web page instead of JSON, name the setting to check; a download does not."""
    with pytest.raises(errors.NotFoundError, match=r"did not explain\. Perhaps base_url has a wrong path"):
        read_answer(answer(404, b"404: Not Found"), lambda raw: raw)
    with pytest.raises(errors.ServerError, match=r"Perhaps base_url has a wrong path"):
        read_answer(answer(200, b" <!DOCTYPE html><html>"), lambda raw: raw)
    with pytest.raises(errors.NotFoundError) as found:
        read_answer(problem(404), lambda raw: raw)

    assert "base_url" not in str(found.value) + str(decode_error(answer(404, b"gone")))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": "No authorization token provided"}', "No authorization token provided"),
        (b'{"error": {"code": "unauthorized", "message": "Please log in"}}', "Please log in"),
        (b'{"type": "a", "title": "Flat", "detail": "Flat problem"}', "Flat problem"),
        (b'{"message": "Top level"}', "Top level"),
        (b'"just a string"', "just a string"),
        (b'{"error": {"title": "Only a title"}}', "Only a title"),
        (b"[1, 2]", "The server answered 401 Unauthorized and did not explain."),
        (b"<html>no</html>", "The server answered 401 Unauthorized and did not explain."),
        (b"", "The server answered 401 Unauthorized and did not explain."),
        (b'{"a": 1}{"b": 2}', "The server answered 401 Unauthorized and did not explain."),
        (b'{"error": null}', "The server answered 401 Unauthorized and did not explain."),
    ],
)
def test_any_body_becomes_the_error_of_its_status(body: bytes, message: str) -> None:
    """Item 95 and reference 2.3: strings, lists, HTML, an empty body and two documents."""
    error = decode_error(answer(401, body))

    assert isinstance(error, errors.AuthenticationError)
    assert str(error) == message


@pytest.mark.parametrize(
    ("status", "kind"),
    [(100, APIError), (301, APIError), (304, APIError), (600, errors.ServerError), (799, errors.ServerError)],
)
def test_a_web_framework_can_answer_with_every_status(status: int, kind: type) -> None:
    """An error whose answer had no error status has 502; the answer's own stays readable."""
    error = decode_error(answer(status))

    assert type(error) is kind
    assert (error.status, error.http_status) == (502, status)


def test_an_unknown_status_is_shown_as_a_number() -> None:
    """The message shows the number if the status has no name."""
    assert str(decode_error(answer(799))) == "The server answered 799 and did not explain."


def test_all_details_of_the_server_are_kept() -> None:
    """Reference 2.1: the optional fields of the envelope are attributes of the error."""
    details = {
        "request_id": "req_1",
        "metadata": {"a": 1},
        "links": {"docs": "https://x"},
        "validation_errors": [{"field": "context.prompt", "message": "is short"}],
    }

    error = decode_error(problem(400, **details))

    assert isinstance(error, errors.ValidationError)
    assert (error.request_id, error.metadata, error.links) == ("req_1", {"a": 1}, {"docs": "https://x"})
    assert error.field == "context.prompt"


@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"metadata": {"field": "template_id"}}, "template_id"),
        ({"validation_errors": [{"message": "no field"}], "metadata": {"field": "b"}}, "b"),
        ({}, None),
        ({"validation_errors": "nonsense", "metadata": "nonsense"}, None),
    ],
)
def test_the_field_is_found_where_it_is_named(details: Any, field: Any) -> None:
    """Item 94: `field` is that of the first validation error, else that of `metadata`, else None."""
    error = decode_error(problem(400, **details))

    assert isinstance(error, errors.ValidationError)
    assert error.field == field


def test_the_error_has_price_and_balance() -> None:
    """Item 96: a 402 has the price and the balance; invalid values of them are None."""
    error = decode_error(problem(402, metadata={"credits_required": 6, "credits_available": 2.0}))
    odd = decode_error(problem(402, metadata={"credits_required": "six", "credits_available": True}))

    assert isinstance(error, errors.InsufficientCreditsError)
    assert (error.credits_required, error.credits_available) == (6, 2)
    assert isinstance(odd, errors.InsufficientCreditsError)
    assert (odd.credits_required, odd.credits_available) == (None, None)


@pytest.mark.parametrize(
    ("headers", "metadata", "seconds"),
    [
        ({"Retry-After": "3600"}, {}, 3600),
        ({"Retry-After": "1.5"}, {}, 1.5),
        ({"Retry-After": "-5"}, {}, 0),
        ({"Retry-After": "soon"}, {"retry_after": 7}, 7),
        ({"Retry-After": "inf"}, {}, None),
        ({}, {"retry_after": "12"}, 12),
        ({}, {"retry_after": True}, None),
        ({}, {}, None),
        ({"Retry-After": "Mon, 03 Nov 2025 10:31:00 GMT", "Date": "Mon, 03 Nov 2025 10:30:00 GMT"}, {}, 60),
        ({"Retry-After": "Mon, 03 Nov 2025 10:29:00 GMT", "Date": "Mon, 03 Nov 2025 10:30:00 GMT"}, {}, 0),
        ({"Retry-After": "Mon, 03 Nov 2025 10:31:00 GMT"}, {}, None),
        ({"Retry-After": "9" * 400}, {}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers: Any, metadata: Any, seconds: Any) -> None:
    """Item 97 and trap T-10: seconds, HTTP dates by the server's clock, `metadata`, invalid values; ints if whole."""
    wrapped = problem(429, metadata=metadata)
    error = decode_error(answer(429, wrapped.body, headers))

    assert repr(error.retry_after) == repr(seconds)


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe\xff", b"[" * 100_000, b'{"id": 1}', b"", b"null", b"NaN"])
def test_a_success_that_cannot_be_read_is_a_bad_gateway(body: bytes) -> None:
    """A 2xx with an invalid body is a ServerError that shows the beginning of the body."""

    def decode(data: object) -> object:
        raise TypeError("expected something else")

    with pytest.raises(errors.ServerError) as caught:
        read_answer(answer(202, body, {"X-Request-Id": "req_9"}), decode)

    assert caught.value.status == 502
    assert caught.value.metadata["http_status"] == 202
    assert caught.value.request_id == "req_9"
    assert "202 Accepted" in str(caught.value)


def test_a_byte_order_mark_is_no_flaw() -> None:
    """Some servers begin their JSON with a byte order mark."""
    assert read_answer(answer(202, b'\xef\xbb\xbf{"id": "a"}'), lambda data: data) == {"id": "a"}


@pytest.mark.parametrize("body", [b"", b"  \n", b"\xef\xbb\xbf", b"{}"])
def test_an_empty_body_is_valid(body: bytes) -> None:
    """Trap T-3: a delete may be answered with an empty body."""
    assert read_answer(answer(204, body), lambda data: data) in (None, {})

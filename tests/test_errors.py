"""The exception tree: statuses, relations, and copies of errors."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from bluma_async import errors
from bluma_async._wire.answers import decode_error
from tests.fakes import problem


def test_errors_pickle_and_copy() -> None:
    """Item 104: a pickled or copied error has the same class and attributes."""
    made = [
        decode_error(problem(402, metadata={"credits_required": 6})),
        errors.NetworkError("gone", request_sent=False, attempts=2),
        errors.RequestTimeoutError("late"),
        errors.AmbiguousCreateError("hm", candidates=[], idempotency_key="k", template_id="t"),
        errors.WaitTimeoutError("long", video_id="v"),
        errors.WebhookVerificationError("bad"),
        errors.InvalidArgumentError("no", validation_errors=[{"field": "x", "message": "y"}]),
        errors.BlumaError("base", status=418),
        refused_file(),
    ]

    for error in made:
        for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
            assert type(twin) is type(error)
            assert str(twin) == str(error)
            assert twin.__dict__ == error.__dict__


def refused_file() -> errors.FileContentError:
    """Return the error for a file whose bytes were kept."""
    error = errors.FileContentError("not a video")
    error.part = "x.mp4.part"
    return error


def test_every_error_has_an_http_status() -> None:
    """Item 103: a web framework can answer with the status of each error."""
    expected = {
        "BlumaError": 500,
        "APIError": 500,
        "ValidationError": 400,
        "InvalidArgumentError": 400,
        "AuthenticationError": 401,
        "InsufficientCreditsError": 402,
        "ForbiddenError": 403,
        "NotFoundError": 404,
        "RateLimitError": 429,
        "ServerError": 500,
        "FileContentError": 502,
        "NetworkError": 503,
        "RequestTimeoutError": 504,
        "AmbiguousCreateError": 503,
        "WaitTimeoutError": 504,
        "WebhookVerificationError": 401,
    }

    assert {name: getattr(errors, name)().status for name in errors.__all__} == expected
    assert all(str(getattr(errors, name)()) for name in errors.__all__)


def test_the_classes_are_related_as_documented() -> None:
    """Items 93 and 101: error answers are APIErrors, network failures are not, and timeouts are TimeoutErrors."""
    assert issubclass(errors.RateLimitError, errors.APIError)
    assert not issubclass(errors.NetworkError, errors.APIError)
    assert issubclass(errors.RequestTimeoutError, (errors.NetworkError,))
    assert issubclass(errors.RequestTimeoutError, TimeoutError)
    assert issubclass(errors.WaitTimeoutError, TimeoutError)
    assert issubclass(errors.InvalidArgumentError, ValueError)
    assert issubclass(errors.InvalidArgumentError, errors.ValidationError)
    assert issubclass(errors.WebhookVerificationError, ValueError)


def test_errors_are_made_from_a_status_and_a_body() -> None:
    """Programs of 1.2.0, and their tests, make errors as `APIError(status, body)`."""
    body = {
        "error": {
            "type": "insufficient_credits",
            "title": "Too few credits",
            "detail": "5 are required.",
            "request_id": "req_1",
            "metadata": {"credits_required": 5, "credits_available": 2, "field": "context"},
            "links": {"upgrade": "https://x"},
            "validation_errors": [{"field": "context", "message": "?"}],
        }
    }
    broke = errors.InsufficientCreditsError(402, body)
    other = errors.APIError(418, {"message": "No coffee."})

    assert (broke.status, broke.status_code, str(broke), broke.message) == (402, 402, *["5 are required."] * 2)
    assert (broke.type, broke.title, broke.detail) == ("insufficient_credits", "Too few credits", "5 are required.")
    assert (broke.credits_required, broke.credits_available, broke.request_id) == (5, 2, "req_1")
    assert (broke.links, broke.validation_errors) == ({"upgrade": "https://x"}, body["error"]["validation_errors"])
    assert errors.ValidationError(400, body).field == "context"
    assert (other.status, str(other), other.detail) == (418, "No coffee.", "No coffee.")


@pytest.mark.parametrize(
    "body", [{}, None, [], "", {"error": None}, {"error": {}}, {"error": 5}, {"error": {"type": 5}}]
)
def test_a_body_that_says_nothing_makes_an_error_too(body: Any) -> None:
    """An error that is made from any body has its status and prints."""
    error = errors.ServerError(503, body)

    assert (error.status, error.type, bool(str(error)), error.detail) == (503, None, True, str(error))
    assert (str(errors.ServerError(500, "boom")), str(errors.NotFoundError(404, {"error": "gone"}))) == ("boom", "gone")


def test_errors_of_a_status_and_a_body_pickle_and_copy() -> None:
    """The copy has the class, the text and the attributes."""
    for error in (errors.RateLimitError(429, {"error": {"detail": "Wait."}}, "30"), errors.NetworkError(OSError("x"))):
        for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
            assert (type(twin), str(twin), twin.__dict__) == (type(error), str(error), error.__dict__)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("30", 30), (30, 30), (3567.0, 3567), ("1.5", 1.5), (None, None), ("soon", None), ("nan", None)],
)
def test_retry_after_is_a_number_that_prints_well(given: Any, seconds: Any) -> None:
    """A whole number of seconds is an int, so that messages do not say "3567.0 seconds"."""
    error = errors.RateLimitError(429, {}, given)

    assert (error.retry_after, type(error.retry_after)) == (seconds, type(seconds))


def test_a_network_error_is_made_from_its_cause() -> None:
    """`NetworkError(OSError("x"))` prints the cause and keeps it, as in 1.2.0; with a text it has none."""
    cause, empty = OSError("no route"), TimeoutError()
    error = errors.NetworkError(cause)

    assert (str(error), error.message, error.detail) == ("Network error: no route",) * 3
    assert error.original_error is cause
    assert (error.status, error.request_sent) == (503, True)
    assert str(errors.NetworkError(empty)) == "Network error: TimeoutError"
    assert errors.NetworkError("gone").original_error is None

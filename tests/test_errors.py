"""The exception tree: statuses, relations, and copies of errors."""

from __future__ import annotations

import copy
import pickle

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

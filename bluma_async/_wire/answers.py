"""
Decode an answer: to data, or to the error that it reports.

Rule 1: errors are classified by the HTTP status alone, never by their text.
Rule 2: any body (a string, a list, HTML, nothing, two documents) becomes data or a BlumaError; nothing else is raised.
"""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Callable, Mapping, TypeVar, cast

import attrs

from bluma_async._runtime.secret import NO_SECRET, Secret
from bluma_async._wire.messages import NOTHING
from bluma_async._wire.times import read_http_date
from bluma_async.errors import (
    APIError,
    AuthenticationError,
    ForbiddenError,
    InsufficientCreditsError,
    NotFoundError,
    RateLimitError,
    ServerError,
    ValidationError,
)

if TYPE_CHECKING:
    from bluma_async._wire.messages import Answer

__all__ = ["decode_error", "read_answer", "read_retry_after"]

T = TypeVar("T")

ERRORS: Mapping[int, type[APIError]] = {
    400: ValidationError,
    401: AuthenticationError,
    402: InsufficientCreditsError,
    403: ForbiddenError,
    404: NotFoundError,
    429: RateLimitError,
}
UNREADABLE = 502  # as from a gateway with a broken server behind it: retried, and reconciled for creates
EXCERPT = 200  # bytes of a body that an error shows


def read_answer(answer: Answer, decode: Callable[[object], T], secret: Secret = NO_SECRET) -> T:
    """
    Return the decoded body of a 2xx answer.

    Args:
        answer: The answer.
        decode: Decodes parsed JSON; None stands for an empty body.
        secret: The API key. It is masked in errors, for servers that echo it; successes are decoded unchanged.

    Raises:
        APIError: The status is not 2xx, or the body of a 2xx answer is invalid (ServerError, status 502).
    """
    if not 200 <= answer.status < 300:
        raise decode_error(_mask(answer, secret))
    if answer.flaw:
        raise _unreadable(answer, answer.flaw)
    try:
        return decode(json.loads(answer.body.decode()) if answer.body and not answer.body.isspace() else None)
    except (ValueError, TypeError, RecursionError) as problem:
        flaw = f"cannot be read ({type(problem).__name__})"
    raise _unreadable(_mask(answer, secret), flaw)  # outside the handler: the frames of the problem hold the body


def decode_error(answer: Answer) -> APIError:
    """Return the error that an answer reports, with all its details."""
    problem = _find_problem(answer)
    kind = ERRORS.get(answer.status) or (ServerError if answer.status >= 500 else APIError)
    title, detail = _text(problem.get("title")), _text(problem.get("detail")) or _text(problem.get("message"))
    metadata = _object(problem.get("metadata"))
    return kind(
        detail or title or f"The server answered {_phrase(answer.status)} and did not explain.",
        status=answer.status,
        type=_text(problem.get("type")) or _text(problem.get("code")),
        title=title,
        detail=detail,
        request_id=_text(problem.get("request_id")) or answer.headers.get("x-request-id"),
        metadata=metadata,
        links=_object(problem.get("links")),
        validation_errors=[_object(entry) for entry in _list(problem.get("validation_errors")) if entry],
        retry_after=read_retry_after(answer, metadata),
        http_status=answer.status,
        is_api_answer=_is_api_answer(answer),
    )


def _mask(answer: Answer, secret: Secret) -> Answer:
    return attrs.evolve(answer, body=secret.mask_bytes(answer.body)) if secret.can_be_masked else answer


def _unreadable(answer: Answer, flaw: str) -> ServerError:
    excerpt = answer.body[:EXCERPT].decode("utf-8", "replace")
    return ServerError(
        f"The server answered {_phrase(answer.status)}, but its body {flaw}: {excerpt!r}",
        status=UNREADABLE,
        http_status=answer.status,
        request_id=answer.headers.get("x-request-id"),
        metadata={"http_status": answer.status, "body": excerpt},
    )


def _is_api_answer(answer: Answer) -> bool:
    """
    Tell whether an error body is the API's own JSON: `{"error": {...}}`, or a bare `{"error": "..."}`.

    Proxies answer with HTML, text, or JSON of their own; none of them has an `error` object with a type or a detail.
    """
    try:
        error = _object(json.loads(answer.body)).get("error")
    except (ValueError, RecursionError):
        return False
    return bool(_text(error) or _text(_object(error).get("type")) or _text(_object(error).get("detail")))


def _find_problem(answer: Answer) -> dict[str, Any]:
    """Return the description of the problem: nested under `error`, flat, made from a bare string, or empty."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    inner = _object(body).get("error", body)
    if isinstance(inner, str):
        return {**_object(body), "detail": inner}
    if isinstance(inner, dict):
        return cast("dict[str, Any]", inner)
    return {"metadata": {"body": answer.body[:EXCERPT].decode("utf-8", "replace")}} if answer.body else {}


def read_retry_after(answer: Answer, metadata: Mapping[str, Any] = NOTHING) -> float | None:
    """
    Return the seconds that the server asks to wait, as an int if they are whole; None if it does not say.

    Args:
        answer: The answer, whose header is read first.
        metadata: The details in its body.
    """
    for value in (answer.headers.get("retry-after"), metadata.get("retry_after")):
        seconds = _seconds(value)
        if seconds is None and isinstance(value, str):
            until = read_http_date(value)
            seconds = (until - answer.date).total_seconds() if until and answer.date else None
        if seconds is not None:
            return int(max(seconds, 0)) if seconds.is_integer() else max(seconds, 0)
    return None


def _seconds(value: object) -> float | None:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]  # JSON is untyped

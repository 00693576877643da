"""
What an answer means: decoded data, or the error it stands for.

Rule 1: errors are classified by the HTTP status alone, never by their text.
Rule 2: whatever the body is (string, list, HTML, nothing, two documents), the outcome is data or a BlumaError.
"""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Callable, Mapping, TypeVar, cast

import attrs

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

__all__ = ["error_of", "read"]

T = TypeVar("T")

ERRORS: Mapping[int, type[APIError]] = {
    400: ValidationError,
    401: AuthenticationError,
    402: InsufficientCreditsError,
    403: ForbiddenError,
    404: NotFoundError,
    429: RateLimitError,
}
UNREADABLE = 502
EXCERPT = 200
SHORTEST_SECRET = 8  # what is shorter is no key, and would make holes in every message


def read(answer: Answer, decode: Callable[[object], T], secret: str = "") -> T:
    """
    Return what a 2xx answer carries. A server that echoes the secret does not get it into an error.

    Raises:
        APIError: The answer is a refusal, or a success that cannot be read (ServerError, status 502).
    """
    if not 200 <= answer.status < 300:
        raise error_of(_without(answer, secret))
    try:
        return decode(json.loads(answer.body.decode()) if answer.body and not answer.body.isspace() else None)
    except (ValueError, TypeError, RecursionError) as problem:
        raise _unreadable(_without(answer, secret), problem) from None


def error_of(answer: Answer) -> APIError:
    """Return the error that a refusal means, with everything the server said."""
    said = _explanation(answer)
    kind = ERRORS.get(answer.status) or (ServerError if answer.status >= 500 else APIError)
    title, detail = _text(said.get("title")), _text(said.get("detail")) or _text(said.get("message"))
    metadata = _object(said.get("metadata"))
    return kind(
        detail or title or f"The server answered {_phrase(answer.status)} and did not explain.",
        status=answer.status,
        type=_text(said.get("type")) or _text(said.get("code")),
        title=title,
        detail=detail,
        request_id=_text(said.get("request_id")) or answer.headers.get("x-request-id"),
        metadata=metadata,
        links=_object(said.get("links")),
        validation_errors=[_object(entry) for entry in _list(said.get("validation_errors")) if entry],
        retry_after=_retry_after(answer, metadata),
    )


def _without(answer: Answer, secret: str) -> Answer:
    if len(secret) < SHORTEST_SECRET:
        return answer
    return attrs.evolve(answer, body=answer.body.replace(secret.encode(), b"***"))


def _unreadable(answer: Answer, problem: Exception) -> ServerError:
    excerpt = answer.body[:EXCERPT].decode("utf-8", "replace")
    what = f"its body cannot be read ({type(problem).__name__})"
    return ServerError(
        f"The server answered {_phrase(answer.status)}, but {what}: {excerpt!r}",
        status=UNREADABLE,
        request_id=answer.headers.get("x-request-id"),
        metadata={"http_status": answer.status, "body": excerpt},
    )


def _explanation(answer: Answer) -> dict[str, Any]:
    """Find what the server says of the problem: nested, flat, as a bare string, or not at all."""
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


def _retry_after(answer: Answer, metadata: Mapping[str, Any]) -> float | None:
    for wanted in (answer.headers.get("retry-after"), metadata.get("retry_after")):
        seconds = _seconds(wanted)
        if seconds is None and isinstance(wanted, str):
            until = read_http_date(wanted)
            seconds = (until - answer.date).total_seconds() if until and answer.date else None
        if seconds is not None:
            return max(seconds, 0.0)
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

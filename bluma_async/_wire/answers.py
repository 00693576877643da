"""
Decode an answer: to data, or to the error that it reports.

Rule 1: errors are classified by the HTTP status alone, never by their text.
Rule 2: any body (a string, a list, HTML, nothing, two documents) becomes data or a BlumaError; nothing else is raised.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Callable, Mapping, TypeVar, cast

import attrs

from bluma_async._runtime.secret import NO_SECRET, Secret
from bluma_async._wire.json_values import BYTE_ORDER_MARK, parse_json
from bluma_async._wire.messages import NOTHING, show_url
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
from bluma_async.types._problem import read_problem, to_number, to_object

if TYPE_CHECKING:
    from bluma_async._wire.messages import Answer

__all__ = ["ForeignAnswerError", "decode_error", "read_answer", "read_retry_after"]

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
WRONG_PATH = " Perhaps base_url has a wrong path, or is that of another server."
WEB_PAGE = r"(?i)\s*<(!doctype\s+)?html"


class ForeignAnswerError(ValueError):
    """A decoder's refusal of an answer about another object than the one that was asked for."""


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
        raise decode_error(_mask(answer, secret), _find_hint(answer, secret))
    if answer.flaw:
        raise _unreadable(answer, answer.flaw)
    try:
        return decode(_read_json(answer.body))
    except ForeignAnswerError as problem:
        flaw = str(problem)
    except (ValueError, TypeError, RecursionError) as problem:
        flaw = f"cannot be read ({type(problem).__name__})"
    raise _unreadable(_mask(answer, secret), flaw)  # outside the handler: the frames of the problem hold the body


def decode_error(answer: Answer, hint: str = "") -> APIError:
    """
    Return the error that an answer reports, with all its details.

    Args:
        answer: The answer.
        hint: Ends the message, if the answer does not explain the error.
    """
    body = _parse(answer.body)
    problem = read_problem(body)
    kind = ERRORS.get(answer.status) or (ServerError if answer.status >= 500 else APIError)
    excerpt = {"body": _excerpt(answer)} if answer.body and not problem.is_described else None
    return kind(
        problem.detail or problem.title or f"The server answered {_phrase(answer.status)} and did not explain.{hint}",
        body,
        read_retry_after(answer, problem.metadata),
        status=answer.status if 400 <= answer.status < 600 else UNREADABLE,  # a web framework may answer with it
        request_id=problem.request_id or answer.headers.get("x-request-id"),
        metadata=excerpt,
        http_status=answer.status,
        is_api_answer=_is_api_answer(answer.status, body),
    )


def _find_hint(answer: Answer, secret: Secret) -> str:
    """Return what an error says behind its message, if the answer does not explain it."""
    target = answer.headers.get("location", "")
    if 300 <= answer.status < 400 and target:
        place = secret.mask(show_url(target[:EXCERPT]))
        return f" It redirects to {place}. Only reads follow redirects, and only within the origin of base_url."
    return WRONG_PATH if answer.status == 404 else ""


def _mask(answer: Answer, secret: Secret) -> Answer:
    return attrs.evolve(answer, body=secret.mask_bytes(answer.body)) if secret.can_be_masked else answer


def _unreadable(answer: Answer, flaw: str) -> ServerError:
    excerpt = _excerpt(answer)
    hint = WRONG_PATH if re.match(WEB_PAGE, excerpt) else ""
    return ServerError(
        f"The server answered {_phrase(answer.status)}, but its body {flaw}: {excerpt!r}{hint}",
        status=UNREADABLE,
        http_status=answer.status,
        request_id=answer.headers.get("x-request-id"),
        metadata={"http_status": answer.status, "body": excerpt},
    )


def _is_api_answer(status: int, body: object) -> bool:
    """
    Tell whether an error body is the API's own JSON: `{"error": {...}}`, or a bare `{"error": "..."}` of a 401.

    Proxies and web frameworks answer with HTML, text, or JSON of their own. Some of them, such as Spring, have text
    under `error` at every status: the API has it at 401 alone (reference 2.3), so elsewhere it is no refusal.
    """
    error = to_object(body).get("error")
    parts = [to_object(error).get("type"), to_object(error).get("detail")]
    if status == HTTPStatus.UNAUTHORIZED:
        parts.append(error)
    return any(isinstance(part, str) and part.strip() for part in parts)


def _read_json(body: bytes) -> object:
    """Return the JSON in a body, or None for an empty one; a function of its own, so that no traceback has the text."""
    text = body.decode().lstrip(BYTE_ORDER_MARK)
    return parse_json(text) if text and not text.isspace() else None


def _parse(body: bytes) -> object:
    """Return the JSON in a body, or None."""
    try:
        return cast("object", parse_json(body))
    except ValueError:
        return None


def _excerpt(answer: Answer) -> str:
    return answer.body[:EXCERPT].decode("utf-8", "replace")


def read_retry_after(answer: Answer, metadata: Mapping[str, Any] = NOTHING) -> float | None:
    """
    Return the seconds that the server asks to wait, as an int if they are whole; None if it does not say.

    Args:
        answer: The answer, whose header is read first.
        metadata: The details in its body.
    """
    for value in (answer.headers.get("retry-after"), metadata.get("retry_after")):
        seconds = to_number(value)
        if seconds is None and isinstance(value, str):
            until, now = read_http_date(value), answer.date or answer.received_at
            seconds = (until - now).total_seconds() if until and now else None
        if seconds is not None:
            return to_number(max(seconds, 0))
    return None


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)

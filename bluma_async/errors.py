"""
Every error the SDK raises.

    BlumaError
      APIError                    the server answered, and refused the request
        ValidationError           400
          InvalidArgumentError    an argument is invalid; no request was sent; also a ValueError
        AuthenticationError       401
        InsufficientCreditsError  402
        ForbiddenError            403
        NotFoundError             404
        RateLimitError            429
        ServerError               5xx, and 2xx answers with an invalid body
          FileContentError        a file is not what the API described
      NetworkError                no answer; `request_sent` says whether the server may have acted
        RequestTimeoutError       no answer in time; also a TimeoutError
        AmbiguousCreateError      a paid create may or may not have been accepted
      WaitTimeoutError            a wait timed out before the video was finished; also a TimeoutError
      WebhookVerificationError    a webhook's signature or body is invalid; also a ValueError

Rule 1: `status` is an int on every instance, and a web framework may answer with it.
Rule 2: an error can be made again from its message and its attributes, so that it can be pickled and copied.
Rule 3: no error holds an API key or a webhook secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from bluma_async.types._problem import read_problem, to_number, to_whole

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.types import Generation, Video

__all__ = [
    "APIError",
    "AmbiguousCreateError",
    "AuthenticationError",
    "BlumaError",
    "FileContentError",
    "ForbiddenError",
    "InsufficientCreditsError",
    "InvalidArgumentError",
    "NetworkError",
    "NotFoundError",
    "RateLimitError",
    "RequestTimeoutError",
    "ServerError",
    "ValidationError",
    "WaitTimeoutError",
    "WebhookVerificationError",
]


class BlumaError(Exception):
    """
    The base of every error the SDK raises.

    Attributes:
        message: The whole message; also `str(error)`.
        detail: The server's description of this case, if there is one; else the message.
        status: An HTTP status: 503 for the network, 504 for a timeout, 400 for an invalid argument, else 500.
        attempts: How many attempts the failed call made.
        not_accepted: True if a search has proven that the failed create was not accepted.
        video_id: The id of the paid video, if a call failed after the video was created; None otherwise.
        idempotency_key: The `Idempotency-Key` of a create that was, or may have been, accepted; None otherwise.
    """

    status: int = 500
    http_status: int | None = None  # of the answer; of a NetworkError, the status of an answer that broke off
    is_refusal: bool | None = None  # of an error of Luma: whether, by the documents, nothing was created
    video_id: str | None = None
    idempotency_key: str | None = None
    not_accepted: bool = False

    def __init__(self, message: str = "", *, status: int | None = None, attempts: int = 0) -> None:
        super().__init__(message)
        self.message: str = message or type(self).__name__
        self.detail: str = self.message
        self.attempts = attempts
        self.status = self.status if status is None else status

    @property
    def status_code(self) -> int:
        """The same as `status`, under the name that other HTTP libraries use."""
        return self.status

    def __str__(self) -> str:
        return self.message


class APIError(BlumaError):
    """
    The server answered with an error. `APIError(status, body)` makes one from an answer's parsed body.

    Attributes:
        type: The server's identifier of the problem, such as `invalid_request`; `title` is its short name.
        request_id: The id that Bluma's support needs; sent with server errors.
        metadata: Further details from the server.
        links: Pages about the problem, by name.
        validation_errors: One `{"field", "message"}` for each error in the request.
        retry_after: The seconds that the server asks to wait before the next request; None if it does not say.
        http_status: The status of the answer, if it is Bluma's; `status` is 502 if that is outside of 400 to 599.
        is_api_answer: Whether the answer carried the API's own error JSON. A proxy's page does not.
    """

    def __init__(
        self,
        message: str | int = "",
        error_response: object = None,
        retry_after: float | str | None = None,
        *,
        status: int | None = None,
        attempts: int = 0,
        type: str | None = None,  # noqa: A002 - the name that the API uses
        title: str | None = None,
        detail: str | None = None,
        request_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        links: Mapping[str, Any] | None = None,
        validation_errors: Sequence[Mapping[str, Any]] = (),
        http_status: int | None = None,
        is_api_answer: bool = False,
    ) -> None:
        body = read_problem(error_response)
        if isinstance(message, int):  # the status: programs of 1.2.0 make errors as `APIError(status, body)`
            status, message = message, body.detail or body.title or ""
        super().__init__(message, status=status, attempts=attempts)
        self.http_status: int | None = http_status
        self.is_api_answer: bool = is_api_answer
        self.type: str | None = type or body.type
        self.title: str | None = title or body.title
        self.detail: str = detail or body.detail or self.message
        self.request_id: str | None = request_id or body.request_id
        self.metadata: dict[str, Any] = dict(metadata or body.metadata)
        self.links: dict[str, Any] = dict(links or body.links)
        self.validation_errors: list[dict[str, Any]] = list(map(dict, validation_errors or body.validation_errors))
        self.retry_after: float | None = to_number(retry_after)


class ValidationError(APIError):
    """The request is invalid (400). Sending it again has the same result."""

    status = 400

    @property
    def field(self) -> str | None:
        """The name of the first invalid field; None if the error names none."""
        named = [entry.get("field") for entry in self.validation_errors] + [self.metadata.get("field")]
        return next((name for name in named if isinstance(name, str)), None)


class InvalidArgumentError(ValidationError, ValueError):
    """An argument is invalid. Nothing was sent."""


class AuthenticationError(APIError):
    """The API key is missing, wrong or revoked (401)."""

    status = 401


class InsufficientCreditsError(APIError):
    """The account has too few credits for the video (402). No video was created."""

    status = 402

    @property
    def credits_required(self) -> int | None:
        """The price of the video, in credits; None if the server does not say."""
        return to_whole(self.metadata.get("credits_required"))

    @property
    def credits_available(self) -> int | None:
        """The balance of the account, in credits; None if the server does not say."""
        return to_whole(self.metadata.get("credits_available"))


class ForbiddenError(APIError):
    """The API key lacks a scope that the request needs (403)."""

    status = 403


class NotFoundError(APIError):
    """No object has this id; perhaps it was deleted (404)."""

    status = 404


class RateLimitError(APIError):
    """The key's hourly limit is used up (429). The request had no effect; `retry_after` has the seconds to wait."""

    status = 429


class ServerError(APIError):
    """The server failed (5xx), or its 2xx answer has an invalid body (`status` is 502 then)."""


class FileContentError(ServerError):
    """A file is not what the API described, so it was not saved. `part` is the path of its bytes, if they are kept."""

    status = 502
    part: str | None = None


class NetworkError(BlumaError):
    """No answer was received. `request_sent` is False if the server certainly did not receive the request."""

    status = 503

    def __init__(
        self, message: str | Exception = "", *, status: int | None = None, attempts: int = 0, request_sent: bool = True
    ) -> None:
        text = message if isinstance(message, str) else f"Network error: {str(message) or type(message).__name__}"
        super().__init__(text, status=status, attempts=attempts)
        self.request_sent = request_sent
        if isinstance(message, Exception):
            self.__cause__: BaseException | None = message

    @property
    def original_error(self) -> BaseException | None:
        """The exception of the network library; the same as `__cause__`."""
        return self.__cause__


class RequestTimeoutError(NetworkError, TimeoutError):
    """No answer was received within `timeout` (one attempt), or within `deadline` (all attempts)."""

    status = 504


class AmbiguousCreateError(NetworkError):
    """
    A create that costs money was, or may have been, accepted, and its video is not known. It was not sent again.

    If a candidate is yours, wait for it by its id; if none is, create again. `client.settle()` searches once more.

    Attributes:
        accepted: True when the create certainly was accepted, and so billed; False when it may have been.
        candidates: Videos that may be the lost one, best fit first; empty for Luma, whose providers list nothing.
        template_id: The template that was asked for; None when a variant was.
        started_at: When the call began, by the server's clock as far as it is known.
        type: The server's identifier of the problem, when it answered with one; None otherwise.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        attempts: int = 0,
        accepted: bool = False,
        candidates: Sequence[Video] = (),
        idempotency_key: str | None = None,
        template_id: str | None = None,
        started_at: datetime | None = None,
        type: str | None = None,  # noqa: A002 - the wire's own word
    ) -> None:
        super().__init__(message, status=status, attempts=attempts, request_sent=True)
        self.accepted = accepted
        self.candidates: list[Video] = list(candidates)
        self.idempotency_key: str | None = idempotency_key
        self.template_id = template_id
        self.started_at = started_at
        self.type = type


class WaitTimeoutError(BlumaError, TimeoutError):
    """
    A wait timed out before the video or generation was finished. The render continues; wait again with its `video_id`.

    `last` is its last state; None if no poll succeeded.
    """

    status = 504

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        attempts: int = 0,
        video_id: str | None = None,
        last: Video | Generation | None = None,
    ) -> None:
        super().__init__(message, status=status, attempts=attempts)
        self.video_id = video_id
        self.last = last


class WebhookVerificationError(BlumaError, ValueError):
    """A webhook's signature is missing or wrong, or its body is not an event. Do not act on it; answer with 401."""

    status = 401

"""
Every error the SDK raises.

    BlumaError
      APIError                    the server answered, and the answer is a refusal
        ValidationError           400
          InvalidArgumentError    refused here, before any request; also a ValueError
        AuthenticationError       401
        InsufficientCreditsError  402
        ForbiddenError            403
        NotFoundError             404
        RateLimitError            429
        ServerError               5xx, and answers that cannot be read
      NetworkError                no answer; `request_sent` tells whether the server may have acted
        RequestTimeoutError       no answer in time; also a TimeoutError
        AmbiguousCreateError      a paid create may or may not have been accepted
      WaitTimeoutError            a wait ended before the video did; also a TimeoutError
      WebhookVerificationError    a webhook is not what it claims to be; also a ValueError

Rule 1: `status` is an int that a web framework may answer with, on every instance.
Rule 2: an error is built from its message and keyword facts alone, so that it pickles and copies.
Rule 3: no error holds an API key or a webhook secret.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Mapping, Sequence

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.types import Generation, Video

__all__ = [
    "APIError",
    "AmbiguousCreateError",
    "AuthenticationError",
    "BlumaError",
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
        message: What happened, in one sentence; also `str(error)`.
        detail: The server's own sentence about this case, where there is one; else the message.
        status: An HTTP status, whatever went wrong: 503 for the network, 504 for a timeout, 400 for a bad argument.
        attempts: How many requests were sent for the call that failed.
        video_id: The video that is paid, when a call failed after it was accepted; None otherwise.
    """

    status: int = 500
    video_id: str | None = None

    def __init__(self, message: str = "", *, status: int | None = None, attempts: int = 0) -> None:
        super().__init__(message)
        self.message: str = message or type(self).__name__
        self.detail: str = self.message
        self.attempts = attempts
        if status is not None:
            self.status = status

    @property
    def status_code(self) -> int:
        """Another name of `status`."""
        return self.status

    def __str__(self) -> str:
        return self.message


class APIError(BlumaError):
    """
    The API refused the request.

    Attributes:
        type: The server's identifier of the problem, such as `invalid_request`.
        title: The server's short name of the problem.
        request_id: What Bluma's support asks for; sent with server errors.
        metadata: Whatever else the server said.
        links: Pages about the problem, by name.
        validation_errors: One `{"field", "message"}` for each thing that is wrong with the request.
        retry_after: Seconds the server asks callers to stay away, when it said so.
    """

    status = 500

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        attempts: int = 0,
        type: str | None = None,  # noqa: A002 - the wire's own word
        title: str | None = None,
        detail: str | None = None,
        request_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        links: Mapping[str, Any] | None = None,
        validation_errors: Sequence[Mapping[str, Any]] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, attempts=attempts)
        self.type = type
        self.title = title
        self.detail: str = detail or self.message
        self.request_id = request_id
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.links: dict[str, Any] = dict(links or {})
        self.validation_errors: list[dict[str, Any]] = [dict(entry) for entry in validation_errors]
        self.retry_after = retry_after


class ValidationError(APIError):
    """The request is wrong, and would be wrong again (400)."""

    status = 400

    @property
    def field(self) -> str | None:
        """The first field the server, or the SDK, complains about; None when none was named."""
        named = [entry.get("field") for entry in self.validation_errors] + [self.metadata.get("field")]
        return next((name for name in named if isinstance(name, str)), None)


class InvalidArgumentError(ValidationError, ValueError):
    """An argument cannot be right. Nothing was sent."""


class AuthenticationError(APIError):
    """The API key is missing, wrong or revoked (401)."""

    status = 401


class InsufficientCreditsError(APIError):
    """The account cannot pay for the video (402). No video was made."""

    status = 402

    @property
    def credits_required(self) -> int | None:
        """What the video costs, in credits."""
        return _whole(self.metadata.get("credits_required"))

    @property
    def credits_available(self) -> int | None:
        """What the account holds, in credits."""
        return _whole(self.metadata.get("credits_available"))


class ForbiddenError(APIError):
    """The key may not do this: a scope is missing (403)."""

    status = 403


class NotFoundError(APIError):
    """Nothing has this id, or nothing any more (404)."""

    status = 404


class RateLimitError(APIError):
    """The key's hourly limit is used up (429). Nothing was done; `retry_after` says for how many seconds."""

    status = 429


class ServerError(APIError):
    """The server failed (5xx), or answered what cannot be read (502)."""


class NetworkError(BlumaError):
    """
    No answer came.

    Attributes:
        request_sent: False when the server certainly never saw the request; True when it may have acted on it.
    """

    status = 503

    def __init__(
        self, message: str = "", *, status: int | None = None, attempts: int = 0, request_sent: bool = True
    ) -> None:
        super().__init__(message, status=status, attempts=attempts)
        self.request_sent = request_sent

    @property
    def original_error(self) -> BaseException | None:
        """What the network library raised: the error's cause."""
        return self.__cause__


class RequestTimeoutError(NetworkError, TimeoutError):
    """No answer came within `timeout`, or within `deadline` over all attempts."""

    status = 504


class AmbiguousCreateError(NetworkError):
    """
    A create that costs money may have been accepted, and repeating it could bill it twice.

    Look at the candidates (they were created since the call began, with the same template, and by no other call of
    this client): if one is yours, wait for it by its id. If none is, create again.

    Attributes:
        candidates: Videos that may be the lost one, newest first; empty when the server could not be asked.
        idempotency_key: What the lost request carried as `Idempotency-Key`.
        template_id: The template that was asked for; None when a variant was.
        started_at: When the call began, by the server's clock as far as it is known.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        attempts: int = 0,
        candidates: Sequence[Video] = (),
        idempotency_key: str | None = None,
        template_id: str | None = None,
        started_at: datetime | None = None,
    ) -> None:
        super().__init__(message, status=status, attempts=attempts, request_sent=True)
        self.candidates: list[Video] = list(candidates)
        self.idempotency_key = idempotency_key
        self.template_id = template_id
        self.started_at = started_at


class WaitTimeoutError(BlumaError, TimeoutError):
    """
    A wait ended before the video did. The video goes on; wait again with its id.

    Attributes:
        video_id: What was waited for.
        last: The video, or generation, as it was last seen; None when it was never seen.
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
    """A webhook's signature is missing or wrong, or its body is no event. Do not act on it; answer 401."""

    status = 401


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return int(value)

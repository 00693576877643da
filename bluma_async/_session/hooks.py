"""
What happens on the wire, told to the hooks and to the log.

Rule 1: no header and no body is told: there are secrets in them.
Rule 2: a hook that raises ends the call with what it raised.
"""

from __future__ import annotations

from logging import DEBUG
from typing import TYPE_CHECKING

import attrs

from bluma_async._runtime.callbacks import call_back
from bluma_async._runtime.log import logger, mask
from bluma_async._wire.budget import read_rate_limit

if TYPE_CHECKING:
    from bluma_async._session.options import Options
    from bluma_async._wire.budget import RateLimit
    from bluma_async._wire.messages import Answer, Request
    from bluma_async.errors import BlumaError

__all__ = ["Observer", "RequestInfo", "ResponseInfo", "RetryInfo"]


@attrs.frozen(kw_only=True)
class RequestInfo:
    """A request is about to be sent; `attempt` counts from 0."""

    method: str
    url: str
    attempt: int


@attrs.frozen(kw_only=True)
class ResponseInfo:
    """An answer came, after `elapsed` seconds; `rate_limit` is what it told of the key's budget."""

    method: str
    url: str
    attempt: int
    status: int
    elapsed: float
    rate_limit: RateLimit | None = None


@attrs.frozen(kw_only=True)
class RetryInfo:
    """An attempt failed with `error`; the next one follows after `delay` seconds."""

    method: str
    url: str
    attempt: int
    error: BlumaError
    delay: float


class Observer:
    """Tells the hooks and the log."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.hears_requests: bool = options.on_request is not None

    @property
    def hears_answers(self) -> bool:
        """Whether anybody wants to know of answers."""
        return logger.isEnabledFor(DEBUG) or self._options.on_response is not None

    async def sending(self, request: Request, attempt: int) -> None:
        """Tell that a request is about to be sent."""
        if self._options.on_request is not None:
            info = RequestInfo(method=request.method, url=request.url, attempt=attempt)
            await call_back(self._options.on_request, info)

    async def answered(self, request: Request, answer: Answer, attempt: int, elapsed: float) -> None:
        """Tell that an answer came."""
        logger.debug("%s %s: %d after %.3f s", request.method, mask(request.url), answer.status, elapsed)
        if self._options.on_response:
            info = ResponseInfo(
                method=request.method,
                url=request.url,
                attempt=attempt,
                status=answer.status,
                elapsed=elapsed,
                rate_limit=read_rate_limit(answer.headers),
            )
            await call_back(self._options.on_response, info)

    async def repeating(self, request: Request, error: BlumaError, attempt: int, delay: float) -> None:
        """Tell that an attempt failed and another follows."""
        told = (request.method, mask(request.url), attempt, delay, mask(str(error)))
        logger.info("%s %s: attempt %d failed, the next in %.3g s: %s", *told)
        if self._options.on_retry:
            info = RetryInfo(method=request.method, url=request.url, attempt=attempt, error=error, delay=delay)
            await call_back(self._options.on_retry, info)

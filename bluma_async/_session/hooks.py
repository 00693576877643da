"""
Report requests, answers and retries to the user's hooks and to the log.

Rule 1: headers and bodies are not reported, because they hold secrets. A signed link is a secret too: it is reported
without its query.
Rule 2: an exception that a hook raises ends the call and reaches the caller unchanged.
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
    from bluma_async._wire.messages import Answer, Download, Request
    from bluma_async.errors import BlumaError

__all__ = ["Observer", "RequestInfo", "ResponseInfo", "RetryInfo"]


@attrs.frozen(kw_only=True)
class RequestInfo:
    """
    A request that is about to be sent: of an API call, an upload or a download.

    Attributes:
        method: The HTTP method.
        url: The URL; of a signed link without its query, which is a secret.
        attempt: The number of the attempt, from 0. A download that received bytes counts from 0 again.
    """

    method: str
    url: str
    attempt: int


@attrs.frozen(kw_only=True)
class ResponseInfo:
    """
    An answer that arrived. A download reports its status and headers; the body follows.

    Attributes:
        method: The HTTP method.
        url: The URL; of a signed link without its query, which is a secret.
        attempt: The number of the attempt, from 0.
        status: The HTTP status.
        elapsed: Seconds from the request to the answer; for a download, to its headers.
        rate_limit: The key's budget, if the answer reports it.
    """

    method: str
    url: str
    attempt: int
    status: int
    elapsed: float
    rate_limit: RateLimit | None = None


@attrs.frozen(kw_only=True)
class RetryInfo:
    """
    An attempt that failed, and will be followed by another one.

    Attributes:
        method: The HTTP method.
        url: The URL; of a signed link without its query, which is a secret.
        attempt: The number of the failed attempt, from 0.
        error: The error of the failed attempt.
        delay: Seconds until the next attempt. For an uncertain create, which is sent again only once a search proves
            that it was not accepted, they include the `settle_time` before that search.
    """

    method: str
    url: str
    attempt: int
    error: BlumaError
    delay: float


class Observer:
    """Calls the hooks, and writes the log."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.observes_requests: bool = options.on_request is not None

    @property
    def observes_responses(self) -> bool:
        """Whether `after_response` has an effect; the log's level can change at any time."""
        return logger.isEnabledFor(DEBUG) or self._options.on_response is not None

    async def before_request(self, request: Request, attempt: int) -> None:
        """Report a request that is about to be sent."""
        if self._options.on_request is not None:
            info = RequestInfo(method=request.method, url=request.public_url, attempt=attempt)
            await call_back(self._options.on_request, info)

    async def after_response(self, request: Request, answer: Answer | Download, attempt: int, elapsed: float) -> None:
        """Report an answer."""
        logger.debug("%s %s: %d after %.3f s", request.method, mask(request.public_url), answer.status, elapsed)
        if self._options.on_response is not None:
            # The host of a signed link is not the API: its headers say nothing about the key's budget.
            rate_limit = None if request.is_signed else read_rate_limit(answer.headers)
            info = ResponseInfo(
                method=request.method,
                url=request.public_url,
                attempt=attempt,
                status=answer.status,
                elapsed=elapsed,
                rate_limit=rate_limit,
            )
            await call_back(self._options.on_response, info)

    async def before_retry(self, request: Request, error: BlumaError, attempt: int, delay: float) -> None:
        """Report a failed attempt that another one will follow."""
        facts = (request.method, mask(request.public_url), attempt, delay, mask(str(error)))
        logger.info("%s %s: attempt %d failed, the next in %.3g s: %s", *facts)
        if self._options.on_retry is not None:
            info = RetryInfo(method=request.method, url=request.public_url, attempt=attempt, error=error, delay=delay)
            await call_back(self._options.on_retry, info)

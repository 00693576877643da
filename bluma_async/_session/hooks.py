"""
Report requests, answers and retries to the user's hooks and to the log.

Rule 1: headers and bodies are not reported, because they hold secrets. A signed link is a secret too: it is reported
without its query.
Rule 2: an exception that a hook raises ends the call and reaches the caller unchanged.
"""

from __future__ import annotations

from logging import DEBUG
from typing import TYPE_CHECKING, Tuple

from bluma_async._lazy import LazyModule
from bluma_async._runtime.callbacks import call_back
from bluma_async._runtime.log import logger, mask
from bluma_async._wire.budget import read_rate_limit

if TYPE_CHECKING:
    from bluma_async._session import hook_arguments as arguments
    from bluma_async._session.options import Options
    from bluma_async._wire.messages import Answer, Download, Request
    from bluma_async.errors import BlumaError
else:
    arguments = LazyModule("bluma_async._session.hook_arguments")

__all__ = ["Observer"]


class Observer:
    """Calls the hooks, and writes the log."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.observes_requests: bool = options.on_request is not None
        if not (options.on_request is options.on_response is options.on_retry is None):
            _ = arguments.RetryInfo  # loaded before a request is sent

    @property
    def observes_responses(self) -> bool:
        """Whether `after_response` has an effect; the log's level can change at any time."""
        return logger.isEnabledFor(DEBUG) or self._options.on_response is not None

    async def before_request(self, request: Request, attempt: int) -> None:
        """Report a request that is about to be sent."""
        if self._options.on_request is not None:
            info = arguments.RequestInfo(method=request.method, url=request.public_url, attempt=attempt)
            await call_back(self._options.on_request, info)

    async def after_response(self, request: Request, answer: Answer | Download, attempt: int, elapsed: float) -> None:
        """Report an answer."""
        logger.debug("%s %s: %d after %.3f s", request.method, mask(request.public_url), answer.status, elapsed)
        if self._options.on_response is not None:
            # The host of a signed link is not the API: its headers say nothing about the key's budget.
            rate_limit = None if request.is_signed else read_rate_limit(answer.headers)
            info = arguments.ResponseInfo(
                method=request.method,
                url=request.public_url,
                attempt=attempt,
                status=answer.status,
                elapsed=elapsed,
                rate_limit=rate_limit,
            )
            await call_back(self._options.on_response, info)

    async def before_retry(self, request: Request, error: BlumaError, attempt: int, delay: float) -> None:
        """Report a failed attempt that another one follows after a pause."""
        logger.info("%s %s: attempt %d failed, the next in %.3g s: %s", *_list_facts(request, error, attempt, delay))
        await self._call_on_retry(request, error, attempt, delay, is_search=False)

    async def before_search(self, request: Request, error: BlumaError, attempt: int, delay: float) -> None:
        """Report an uncertain create that a search follows; it is sent again only if that proves its absence."""
        facts = _list_facts(request, error, attempt, delay)
        logger.info("%s %s: attempt %d is uncertain, a search decides in %.3g s: %s", *facts)
        await self._call_on_retry(request, error, attempt, delay, is_search=True)

    async def _call_on_retry(
        self, request: Request, error: BlumaError, attempt: int, delay: float, *, is_search: bool
    ) -> None:
        if self._options.on_retry is not None:
            info = arguments.RetryInfo(
                method=request.method,
                url=request.public_url,
                attempt=attempt,
                error=error,
                delay=delay,
                is_search=is_search,
            )
            await call_back(self._options.on_retry, info)


def _list_facts(request: Request, error: BlumaError, attempt: int, delay: float) -> Tuple[object, ...]:
    return request.method, mask(request.public_url), attempt, delay, mask(str(error))

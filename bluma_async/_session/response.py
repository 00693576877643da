"""
The class of aiohttp's responses.

If a connection breaks before the answer, aiohttp sends a PUT or DELETE a second time: no hook sees that request, and no
option rules it. Retries belong to `retry_loop`, so the failure is reported as one that aiohttp does not retry. A GET
may be repeated by aiohttp: it changes nothing, and a connection that was idle for too long costs no pause then.
"""

from __future__ import annotations

from typing import Any, Coroutine

import aiohttp

__all__ = ["ChangeFailedError", "SingleResponse"]

Started = Coroutine[Any, Any, aiohttp.ClientResponse]


class ChangeFailedError(aiohttp.ClientConnectionError):
    """The connection broke after a request that is not a GET was sent, or while it was sent."""


class SingleResponse(aiohttp.ClientResponse):
    """The response to a request that aiohttp sends once, unless it is a GET."""

    def start(self, connection: Any) -> Any:  # not async, so that a GET has no further frame
        """Read the head of the response."""
        started = super().start(connection)
        return started if self.method == "GET" else _report(started)


async def _report(started: Started) -> aiohttp.ClientResponse:
    try:
        return await started
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as problem:
        raise ChangeFailedError(str(problem)) from problem

"""The arguments that hooks receive. Loaded for the first hook, before the request that it reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from bluma_async._wire.budget import RateLimit
    from bluma_async.errors import BlumaError

__all__ = ["RequestInfo", "ResponseInfo", "RetryInfo"]


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
    An attempt that failed, and is followed by another one, or by a search that decides whether there is one.

    Attributes:
        method: The HTTP method.
        url: The URL; of a signed link without its query, which is a secret.
        attempt: The number of the failed attempt, from 0.
        error: The error of the failed attempt.
        delay: Seconds until the next attempt, or until the search can prove that there was no create.
        is_search: Whether it is an uncertain create, whose video is searched for. It is sent again only if the search
            proves that it was not accepted.
    """

    method: str
    url: str
    attempt: int
    error: BlumaError
    delay: float
    is_search: bool = False

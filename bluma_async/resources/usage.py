"""
Usage statistics of the API.

Sources of the paths: `/usage/metrics` is in the documents, `/usage/timeseries` and `/usage/endpoints` are those of the
1.2.0 package. The documents show answers for the other three, but not their paths, which are therefore guesses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Union

from bluma_async._wire.call import get
from bluma_async._wire.checks import require_page
from bluma_async._wire.codec import Many, One
from bluma_async.types import EndpointUsage, ErrorBreakdown, RecentRequest, TimeSeriesPoint, UsageByKey, UsageMetrics

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._session.session import Session

    Moment = Union[datetime, str, None]

__all__ = ["Usage"]


class Usage:
    """Read usage statistics. Dates are datetimes (without an offset: local time) or ISO 8601 text."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get_metrics(
        self, start_date: Moment = None, end_date: Moment = None, period: str | None = None
    ) -> UsageMetrics:
        """
        Return the totals of a period.

        Args:
            start_date: The beginning of the period.
            end_date: The end of the period.
            period: The length of the period instead of dates, such as `7d`.

        Raises:
            ValidationError: The server does not know this period.
        """
        call = get("/usage/metrics", One(UsageMetrics), startDate=start_date, endDate=end_date, period=period)
        return await self._session.send(call)

    async def get_timeseries(
        self, start_date: Moment = None, end_date: Moment = None, granularity: str = "hour"
    ) -> List[TimeSeriesPoint]:
        """
        Return the usage over time.

        Args:
            start_date: The beginning of the period.
            end_date: The end of the period.
            granularity: The length of one point: `hour` or `day`.
        """
        decode = Many(TimeSeriesPoint, "timeseries")
        call = get("/usage/timeseries", decode, granularity=granularity, startDate=start_date, endDate=end_date)
        return await self._session.send(call)

    async def get_top_endpoints(
        self, start_date: Moment = None, end_date: Moment = None, limit: int = 10
    ) -> List[EndpointUsage]:
        """
        Return the endpoints with the most requests.

        Args:
            start_date: The beginning of the period.
            end_date: The end of the period.
            limit: The largest number of endpoints to return, 1 to 100.

        Raises:
            InvalidArgumentError: `limit` is invalid. Nothing was sent.
        """
        require_page(limit)
        decode = Many(EndpointUsage, "endpoints")
        call = get("/usage/endpoints", decode, limit=limit, startDate=start_date, endDate=end_date)
        return await self._session.send(call)

    async def get_recent_requests(self, limit: int = 50) -> List[RecentRequest]:
        """
        Return the newest requests.

        Args:
            limit: The largest number of requests to return, 1 to 100.

        Raises:
            InvalidArgumentError: `limit` is invalid. Nothing was sent.
        """
        require_page(limit)
        return await self._session.send(get("/usage/requests", Many(RecentRequest, "requests"), limit=limit))

    async def get_usage_by_key(self) -> List[UsageByKey]:
        """Return the usage of each API key."""
        return await self._session.send(get("/usage/by-key", Many(UsageByKey, "keys", "usage")))

    async def get_error_breakdown(self) -> List[ErrorBreakdown]:
        """Return the number of error answers by status."""
        return await self._session.send(get("/usage/errors", Many(ErrorBreakdown, "errors")))

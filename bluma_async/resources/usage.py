"""
Usage: how much the API is used.

The documents name `/usage/metrics` alone. The next two paths are those of the 1.2.0 package; the last three are not
documented anywhere, only their answers are.
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
    """See how much the API is used. Dates are datetimes, or ISO 8601 text."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get_metrics(
        self, start_date: Moment = None, end_date: Moment = None, period: str | None = None
    ) -> UsageMetrics:
        """
        Return totals.

        Args:
            start_date: From when.
            end_date: Until when.
            period: A length instead, such as `7d`.
        """
        call = get("/usage/metrics", One(UsageMetrics), startDate=start_date, endDate=end_date, period=period)
        return await self._session.send(call)

    async def get_timeseries(
        self, start_date: Moment = None, end_date: Moment = None, granularity: str = "hour"
    ) -> List[TimeSeriesPoint]:
        """
        Return figures over time.

        Args:
            start_date: From when.
            end_date: Until when.
            granularity: `hour` or `day`.
        """
        decode = Many(TimeSeriesPoint, "timeseries")
        call = get("/usage/timeseries", decode, granularity=granularity, startDate=start_date, endDate=end_date)
        return await self._session.send(call)

    async def get_top_endpoints(
        self, start_date: Moment = None, end_date: Moment = None, limit: int = 10
    ) -> List[EndpointUsage]:
        """
        Return the endpoints that are used most.

        Args:
            start_date: From when.
            end_date: Until when.
            limit: How many, 1 to 100.
        """
        require_page(limit)
        decode = Many(EndpointUsage, "endpoints")
        call = get("/usage/endpoints", decode, limit=limit, startDate=start_date, endDate=end_date)
        return await self._session.send(call)

    async def get_recent_requests(self, limit: int = 50) -> List[RecentRequest]:
        """
        Return the newest requests.

        Args:
            limit: How many, 1 to 100.
        """
        require_page(limit)
        return await self._session.send(get("/usage/requests", Many(RecentRequest, "requests"), limit=limit))

    async def get_usage_by_key(self) -> List[UsageByKey]:
        """Return how much each key was used."""
        return await self._session.send(get("/usage/by-key", Many(UsageByKey, "keys", "usage")))

    async def get_error_breakdown(self) -> List[ErrorBreakdown]:
        """Return how often each error was answered."""
        return await self._session.send(get("/usage/errors", Many(ErrorBreakdown, "errors")))

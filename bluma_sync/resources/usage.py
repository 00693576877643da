# Generated from bluma_async/resources/usage.py by `nox -s facade`: change that, not this.
"""
Usage: how much the API is used.

The documents name `/usage/metrics` alone. The next two paths are those of the 1.2.0 package; the last three are not
documented anywhere, only their answers are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from bluma_sync._portal import run

if TYPE_CHECKING:
    from bluma_async.resources import usage as asynchronous
    from bluma_async.resources.usage import Moment
    from bluma_async.types import (
        EndpointUsage,
        ErrorBreakdown,
        RecentRequest,
        TimeSeriesPoint,
        UsageByKey,
        UsageMetrics,
    )

__all__ = ["Usage"]


class Usage:
    """See how much the API is used. Dates are datetimes, or ISO 8601 text."""

    def __init__(self, twin: asynchronous.Usage) -> None:
        self._async = twin

    def get_metrics(
        self, start_date: Moment = None, end_date: Moment = None, period: str | None = None
    ) -> UsageMetrics:
        """
        Return totals.

        Args:
            start_date: From when.
            end_date: Until when.
            period: A length instead, such as `7d`.
        """
        return run(self._async.get_metrics(start_date, end_date, period))

    def get_timeseries(
        self, start_date: Moment = None, end_date: Moment = None, granularity: str = "hour"
    ) -> List[TimeSeriesPoint]:
        """
        Return figures over time.

        Args:
            start_date: From when.
            end_date: Until when.
            granularity: `hour` or `day`.
        """
        return run(self._async.get_timeseries(start_date, end_date, granularity))

    def get_top_endpoints(
        self, start_date: Moment = None, end_date: Moment = None, limit: int = 10
    ) -> List[EndpointUsage]:
        """
        Return the endpoints that are used most.

        Args:
            start_date: From when.
            end_date: Until when.
            limit: How many, 1 to 100.
        """
        return run(self._async.get_top_endpoints(start_date, end_date, limit))

    def get_recent_requests(self, limit: int = 50) -> List[RecentRequest]:
        """
        Return the newest requests.

        Args:
            limit: How many, 1 to 100.
        """
        return run(self._async.get_recent_requests(limit))

    def get_usage_by_key(self) -> List[UsageByKey]:
        """Return how much each key was used."""
        return run(self._async.get_usage_by_key())

    def get_error_breakdown(self) -> List[ErrorBreakdown]:
        """Return how often each error was answered."""
        return run(self._async.get_error_breakdown())

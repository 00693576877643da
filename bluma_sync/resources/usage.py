# Generated from bluma_async/resources/usage.py by `nox -s facade`: change that, not this.
"""
Usage statistics of the API.

Sources of the paths: `/usage/metrics` is in the documents, `/usage/timeseries` and `/usage/endpoints` are those of the
1.2.0 package. The documents show answers for the other three, but not their paths, which are therefore guesses.
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
    """Read usage statistics. Dates are datetimes (without an offset: local time) or ISO 8601 text."""

    def __init__(self, twin: asynchronous.Usage) -> None:
        self._async = twin

    def get_metrics(
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
        return run(self._async.get_metrics(start_date, end_date, period))

    def get_timeseries(
        self, start_date: Moment = None, end_date: Moment = None, granularity: str = "hour"
    ) -> List[TimeSeriesPoint]:
        """
        Return the usage over time.

        Args:
            start_date: The beginning of the period.
            end_date: The end of the period.
            granularity: The length of one point: `hour` or `day`.
        """
        return run(self._async.get_timeseries(start_date, end_date, granularity))

    def get_top_endpoints(
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
        return run(self._async.get_top_endpoints(start_date, end_date, limit))

    def get_recent_requests(self, limit: int = 50) -> List[RecentRequest]:
        """
        Return the newest requests.

        Args:
            limit: The largest number of requests to return, 1 to 100.

        Raises:
            InvalidArgumentError: `limit` is invalid. Nothing was sent.
        """
        return run(self._async.get_recent_requests(limit))

    def get_usage_by_key(self) -> List[UsageByKey]:
        """Return the usage of each API key."""
        return run(self._async.get_usage_by_key())

    def get_error_breakdown(self) -> List[ErrorBreakdown]:
        """Return the number of error answers by status."""
        return run(self._async.get_error_breakdown())

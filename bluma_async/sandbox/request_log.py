"""The log of the API requests that the sandbox served, and statistics over it."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional

import attrs

__all__ = ["RequestLog", "RequestRecord"]


@attrs.frozen(kw_only=True)
class RequestRecord:
    """
    One API request.

    Attributes:
        id: The id that `GET /usage/requests` shows.
        method: The HTTP method.
        path: The full path.
        query: The raw query string.
        route: The method and the route's path, such as `GET /videos/{id}`.
        status: The status of the answer; None if a fault cut the connection or held the answer back.
        key: `test` or `live`; None without a valid key.
        key_id: The key's id; None without a valid key.
        idempotency_key: The `Idempotency-Key` header, if there was one.
        video_id: The id of the video that the request creates; its commit may still lie ahead, or may have failed.
        at: The time by the sandbox's clock, in seconds since 1970.
        latency: Milliseconds of real time until the answer was ready.
    """

    id: str
    method: str
    path: str
    query: str
    route: str
    status: Optional[int]
    key: Optional[str]
    key_id: Optional[str]
    idempotency_key: Optional[str]
    at: float
    latency: float
    video_id: Optional[str] = None


class RequestLog:
    """All requests, newest last."""

    def __init__(self) -> None:
        self.records: List[RequestRecord] = []
        self.served: int = 0
        self.cleared: int = 0  # how often the records were deleted
        self.listeners: List[Callable[[RequestRecord], Any]] = []

    async def add(self, record: RequestRecord) -> None:
        """Add a request, and call the listeners. The answer is sent after async listeners have finished."""
        self.records.append(record)
        self.served += 1
        for listener in self.listeners:
            outcome = listener(record)
            if inspect.isawaitable(outcome):
                await outcome

    def clear(self) -> None:
        """Delete the records; `served` keeps counting."""
        self.records.clear()
        self.cleared += 1

    def between(self, begin: float, end: float) -> List[RequestRecord]:
        """Return the requests from `begin` on and before `end`."""
        return [record for record in self.records if begin <= record.at < end]


def is_success(record: RequestRecord) -> bool:
    """Tell whether a request was answered with a status below 400."""
    return record.status is not None and record.status < 400


def mean_latency(records: Iterable[RequestRecord]) -> float:
    """Return the mean latency in milliseconds; 0 without records."""
    latencies = [record.latency for record in records]
    return round(sum(latencies) / len(latencies), 3) if latencies else 0.0


def group_by(
    records: Iterable[RequestRecord], key: Callable[[RequestRecord], Any]
) -> Mapping[Any, List[RequestRecord]]:
    """Return the requests grouped by a key, in the order of each group's first request."""
    groups: Dict[Any, List[RequestRecord]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups

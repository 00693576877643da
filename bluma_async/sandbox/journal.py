"""Every API request the sandbox served, and figures drawn from them."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional

import attrs

from bluma_async._runtime.callbacks import call_back

__all__ = ["Journal", "RequestRecord"]


@attrs.frozen(kw_only=True)
class RequestRecord:
    """One API request: `key` is `test`, `live` or None, `at` a moment, `latency` in milliseconds of real time."""

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


class Journal:
    """All requests, newest last. `status` is None where the connection was cut or held on purpose."""

    def __init__(self) -> None:
        self.records: List[RequestRecord] = []
        self.served: int = 0
        self.listeners: List[Callable[[RequestRecord], Any]] = []

    async def add(self, record: RequestRecord) -> None:
        """Note a request. Its answer waits for listeners that are async."""
        self.records.append(record)
        self.served += 1
        for listener in self.listeners:
            await call_back(listener, record)

    def clear(self) -> None:
        """Forget the requests; the count goes on."""
        self.records.clear()

    def between(self, begin: float, end: float) -> List[RequestRecord]:
        """Return the requests of a stretch of time."""
        return [record for record in self.records if begin <= record.at < end]


def is_success(record: RequestRecord) -> bool:
    """Tell whether a request was answered well."""
    return record.status is not None and record.status < 400


def mean_latency(records: Iterable[RequestRecord]) -> float:
    """Return the mean latency in milliseconds, 0 for none."""
    latencies = [record.latency for record in records]
    return round(sum(latencies) / len(latencies), 3) if latencies else 0.0


def grouped(records: Iterable[RequestRecord], key: Callable[[RequestRecord], Any]) -> Mapping[Any, List[RequestRecord]]:
    """Return the requests in groups, in the order of their first members."""
    groups: Dict[Any, List[RequestRecord]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups

"""The rate-limit headers of the newest answer to each API key, and its pauses."""

from __future__ import annotations

from collections import OrderedDict
from typing import Mapping
from weakref import WeakValueDictionary

from bluma_async._session.pauses import Pauses
from bluma_async._wire.budget import RateLimit, read_rate_limit

__all__ = ["Budgets"]

MAX_KEYS = 1000  # a server that makes a copy of one client for each of its users' keys must not grow without bound


class Budgets:
    """The hourly budget of each API key, as the newest answer reported it."""

    def __init__(self) -> None:
        self._headers: OrderedDict[str, Mapping[str, str]] = OrderedDict()
        self._pauses: WeakValueDictionary[str, Pauses] = WeakValueDictionary()  # a session of the key holds them

    def update(self, api_key: str, headers: Mapping[str, str]) -> None:
        """Store the headers of an answer, if they report a budget."""
        if "x-ratelimit-remaining" not in headers:
            return
        self._headers[api_key] = headers  # parsed when needed: most are never asked for
        if len(self._headers) > MAX_KEYS:
            self._headers.popitem(last=False)

    def get(self, api_key: str) -> RateLimit | None:
        """Return the budget of a key; None before its first answer that reports one."""
        return read_rate_limit(self._headers.get(api_key, {}))

    def pauses(self, api_key: str) -> Pauses:
        """Return the pauses of a key."""
        pauses = self._pauses.get(api_key)
        if pauses is None:
            pauses = self._pauses[api_key] = Pauses()
        return pauses

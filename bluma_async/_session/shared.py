"""What all copies of one client have in common, and one call on its way."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Callable, Generic, Iterable, Mapping, TypeVar

import attrs

from bluma_async._wire.times import read_http_date
from bluma_async.errors import BlumaError, RequestTimeoutError

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._runtime.clock import Clock
    from bluma_async._session.ports import Transport
    from bluma_async._wire.call import Call
    from bluma_async._wire.messages import Answer, Request

__all__ = ["InFlightCall", "Shared"]

T = TypeVar("T")
LONG_AGO = -math.inf
MOST_KNOWN = 100_000  # videos; a key creates a thousand an hour


@attrs.define
class Shared:
    """What all copies of one client have in common."""

    clock: Clock
    open_transport: Callable[[], Transport]
    transport: Transport | None = None
    is_closed: bool = False
    budgets: dict[str, Mapping[str, str]] = attrs.field(repr=False, factory=lambda: {})  # noqa: PIE807 - by API key
    dated: tuple[str, float] | None = None  # the last Date header, and when it came
    paid_in_flight: set[InFlightCall[Any]] = attrs.field(repr=False, factory=lambda: set())  # noqa: PLW0108 - paid calls under way
    _opened: dict[str, Transport] = attrs.field(repr=False, factory=lambda: {})  # noqa: PIE807 - the first one wins
    _known: dict[str, float] = attrs.field(factory=lambda: {})  # noqa: PIE807 - since when each id is no evidence

    def reach(self) -> Transport:
        """Return the transport, opened at its first use."""
        if self.is_closed:
            raise BlumaError("This client is closed, and nothing was sent. Make a new one, or close it later.")
        if self.transport is None:
            # Several threads may call at once. No lock: a forked child would inherit it locked.
            self.transport = self._opened.setdefault("first", self.open_transport())
        return self.transport

    def remember(self, answer: Answer, api_key: str, now: float) -> None:
        """Keep what an answer tells of the key's budget and of the server's clock."""
        if "x-ratelimit-remaining" in answer.headers:
            self.budgets[api_key] = answer.headers
        date = answer.headers.get("date")
        if date:
            self.dated = (date, now)

    def mark_known(self, video_id: str) -> None:
        """Note that a video is somebody's: a create returned it, or it is waited for."""
        self._know(video_id, LONG_AGO)

    def mark_candidates(self, video_ids: Iterable[str]) -> None:
        """Note that videos were reported as candidates: they are no evidence for calls that begin from now on."""
        for video_id in video_ids:
            self._know(video_id, self._known.get(video_id, self.clock.now()))

    def _know(self, video_id: str, since: float) -> None:
        while len(self._known) >= MOST_KNOWN:  # the oldest first: only the newest could be mistaken for another's
            self._known.pop(next(iter(self._known)), None)
        self._known[video_id] = since

    def may_be_from(self, video_id: str, began: float) -> bool:
        """Tell whether a video may be what became of a call that began at this moment."""
        return self._known.get(video_id, math.inf) > began

    def server_time(self, moment: float) -> datetime | None:
        """Return what the server's clock shows at a moment of ours; None before its first answer."""
        told = read_http_date(self.dated[0]) if self.dated else None
        return told + timedelta(seconds=moment - self.dated[1]) if told and self.dated else None


@attrs.define(eq=False)
class InFlightCall(Generic[T]):
    """
    One call on its way, with all its attempts; `began` and `ends` are moments of our clock.

    `dated` is when it began by the server's clock, if that was known then: what is told later may count time that
    this machine slept through.
    """

    call: Call[T]
    request: Request
    began: float
    ends: float | None
    attempts: int = 0
    is_sending: bool = False
    dated: datetime | None = None

    def since(self, shared: Shared) -> datetime | None:
        """Return when it began by the server's clock; None if that never told the time."""
        return self.dated or shared.server_time(self.began)

    def time_left(self, clock: Clock) -> float | None:
        """Return the seconds until the deadline, None without one; raise if there are none."""
        if self.ends is None:
            return None
        left = self.ends - clock.now()
        if left <= 0:
            what = f"{self.request.method} {self.call.path}"
            raise RequestTimeoutError(f"{what}: no time is left for it.", request_sent=False)
        return left

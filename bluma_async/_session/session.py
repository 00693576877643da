"""
Send a call: the one retry loop.

Rule 1: an attempt is bounded by `timeout`, the call with its retries and pauses by `deadline`.
Rule 2: what follows a failure is decided by `_wire.retry`; this module only does it.
Rule 3: time and I/O are passed in.
"""

from __future__ import annotations

import math
import platform
import uuid
from typing import (
    TYPE_CHECKING,
    Any,
    Awaitable,
    Callable,
    Coroutine,
    Mapping,
    Sequence,
    TypeVar,
    Union,
)

from bluma_async._session.hooks import Observer
from bluma_async._session.retrying import pause_before_another
from bluma_async._session.shared import InFlightCall, Shared
from bluma_async._version import __version__
from bluma_async._wire.answers import read_answer
from bluma_async._wire.budget import RateLimit, read_rate_limit
from bluma_async._wire.messages import Request
from bluma_async._wire.retry import GiveUp, LookFirst, decide
from bluma_async.errors import (
    AmbiguousCreateError,
    APIError,
    BlumaError,
    NetworkError,
)

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from bluma_async._session.options import Options
    from bluma_async._wire.call import Call
    from bluma_async._wire.messages import Answer, Download
    from bluma_async._wire.retry import Decision
    from bluma_async.types import Video

__all__ = ["Look", "Session", "in_doubt"]

T = TypeVar("T")
PYTHON = platform.python_version()
OURS = {name.lower(): name for name in ("Authorization", "User-Agent", "Accept", "Content-Type", "Idempotency-Key")}


Look = Callable[["InFlightCall[T]", BlumaError], Awaitable[Union[T, None]]]


class Session:
    """Sends calls by one set of options, over what all copies of the client share."""

    def __init__(self, options: Options, shared: Shared) -> None:
        self.options = options
        self.shared = shared
        self._policy = options.retry_policy
        self._observer = Observer(options)
        self._headers = _standing_headers(options)

    @property
    def rate_limit(self) -> RateLimit | None:
        """The key's budget as the last answer told it."""
        return read_rate_limit(self.shared.budgets.get(self.options.api_key, {}))

    @property
    def user_agent(self) -> str:
        """How this client introduces itself."""
        return self._headers["User-Agent"]

    def with_options(self, changes: Mapping[str, Any]) -> Session:
        """Return a session with other options over the same connections."""
        return Session(self.options.changed(changes), self.shared)

    def send(
        self, call: Call[T], *, within: float | None = None, look: Look[T] | None = None
    ) -> Coroutine[Any, Any, T]:
        """
        Send a call, repeat it as the options say, and return what its answer carries.

        Args:
            call: What to send.
            within: Seconds for the whole call, if that is sooner than the `deadline` option.
            look: How to find out whether a call that costs money was accepted: returns None if it certainly was not,
                what became of it if that is certain, and raises otherwise. Without it, such a call is never repeated
                when in doubt.
        """
        in_flight = self._begin(call, within)
        return self._exchange(in_flight, None) if look is None else self._spend(in_flight, look)

    async def _spend(self, in_flight: InFlightCall[T], look: Look[T]) -> T:
        """Send a call that costs money, where others of its kind can see it."""
        in_flight.dated = self.shared.server_time(in_flight.began)
        self.shared.paid_in_flight.add(in_flight)
        try:
            return await self._exchange(in_flight, look)
        finally:
            in_flight.is_sending = False
            self.shared.paid_in_flight.discard(in_flight)

    async def _exchange(self, in_flight: InFlightCall[T], look: Look[T] | None) -> T:
        clock, observer, request, sent_at = self.shared.clock, self._observer, in_flight.request, in_flight.began
        while True:
            if observer.hears_requests:
                await observer.sending(request, in_flight.attempts)
            patience, in_flight.is_sending = in_flight.time_left(clock), True
            try:
                answer = await self.shared.reach().send(request, self.options.timeout, patience)
            except NetworkError as error:
                failure: APIError | NetworkError = error
            else:
                now = clock.now()
                self.shared.remember(answer, self.options.api_key, now)
                if observer.hears_answers:
                    await observer.answered(request, answer, in_flight.attempts, now - sent_at)
                try:
                    return self._read(in_flight.call, answer)
                except APIError as error:
                    failure = error
            in_flight.attempts, in_flight.is_sending = in_flight.attempts + 1, False
            failure.attempts = in_flight.attempts
            found = await self._follow(in_flight, failure, look)
            if found is not None:
                return found
            sent_at = clock.now()

    def _read(self, call: Call[T], answer: Answer) -> T:
        key = self.options.api_key
        return read_answer(answer, call.decode, key) if call.read is None else call.read(answer, key)

    def stream(self, url: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[Download]:
        """Open a plain or signed link. The key is not sent: the link is proof enough, and its host is not the API's."""
        agent = {"User-Agent": self.user_agent, "Accept-Encoding": "identity"}
        return self.shared.reach().stream(Request("GET", url, {**agent, **headers}), self.options.timeout)

    async def close(self) -> None:
        """Let go of the connections, for all copies of the client."""
        self.shared.is_closed = True
        if self.shared.transport is not None:
            await self.shared.transport.close()

    def _begin(self, call: Call[T], within: float | None) -> InFlightCall[T]:
        headers = self._headers
        if call.method != "GET":
            headers = {**headers, "Idempotency-Key": call.idempotency_key or uuid.uuid4().hex}
            if call.body is not None:
                headers["Content-Type"] = "application/json"
        url = self.options.base_url + call.path
        began, deadline = self.shared.clock.now(), self.options.deadline
        if within is None or (deadline is not None and deadline < within):
            within = deadline
        request = Request(call.method, url, headers, call.body, call.parts, call.fields)
        return InFlightCall(call, request, began, None if within is None else began + within)

    async def _follow(self, in_flight: InFlightCall[T], failure: BlumaError, look: Look[T] | None) -> T | None:
        """Do what follows a failed attempt; return what became of it after all, or None if another one is to follow."""
        decision = await self._decide(in_flight, failure, in_flight.attempts - 1, can_look=look is not None)
        if isinstance(decision, GiveUp):
            if decision.in_doubt:
                raise in_doubt(in_flight, self.shared, failure) from failure
            raise failure
        is_last = isinstance(decision, LookFirst) and not decision.then_repeat
        if not is_last:
            await self._observer.repeating(in_flight.request, failure, in_flight.attempts - 1, decision.after)
            await self.shared.clock.sleep(decision.after)
        found = await look(in_flight, failure) if isinstance(decision, LookFirst) and look is not None else None
        if is_last and found is None:
            raise failure
        return found

    async def _decide(
        self, in_flight: InFlightCall[Any], failure: BlumaError, attempt: int, *, can_look: bool
    ) -> Decision:
        pause = await pause_before_another(self.options, self._policy, failure, attempt)
        left = math.inf if in_flight.ends is None else in_flight.ends - self.shared.clock.now()
        return decide(
            in_flight.call.safety,
            failure,
            self._policy,
            repeat=pause is not None,
            delay=pause or 0.0,
            time_left=left,
            can_look=can_look,
        )


def in_doubt(
    in_flight: InFlightCall[Any], shared: Shared, failure: BlumaError, candidates: Sequence[Video] = ()
) -> AmbiguousCreateError:
    """Return the error for a paid call that may have been accepted."""
    found = f"{len(candidates)} video(s) may be it" if candidates else "it could not be looked up"
    return AmbiguousCreateError(
        f"{failure} It may have been accepted and billed, and was not repeated: {found}. Make sure of it before you "
        "create it again; `candidates` are the videos that may be it.",
        status=failure.status,
        attempts=failure.attempts,
        candidates=candidates,
        idempotency_key=in_flight.request.headers.get("Idempotency-Key"),
        template_id=in_flight.call.subject,
        started_at=in_flight.since(shared),
    )


def _standing_headers(options: Options) -> dict[str, str]:
    """Return what every request carries; the caller's own headers replace ours, whatever their case."""
    ours = {
        "Authorization": f"Bearer {options.api_key}",
        "User-Agent": f"bluma-python/{__version__} python/{PYTHON}",
        "Accept": "application/json",
    }
    return {**ours, **{OURS.get(name.lower(), name): text for name, text in options.default_headers.items()}}

"""
Send the calls of one client by one set of options.

Rule 1: an attempt is bounded by `timeout`, the call with its retries and pauses by `deadline`. Transfers of files bound
their attempts by themselves, because a large file may take hours.
Rule 2: `retry_loop` makes the attempts, and decides on retries.
Rule 3: time and I/O are passed in.
"""

from __future__ import annotations

import platform
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, AsyncGenerator, Coroutine, Mapping, TypeVar, Union, cast

from bluma_async._lazy import LazyModule
from bluma_async._runtime.clock import local_time
from bluma_async._runtime.running_loop import get_running_loop
from bluma_async._runtime.secret import Secret
from bluma_async._session.evidence import find_evidence
from bluma_async._session.in_flight import InFlightCall, Standing, ambiguous_create, log_interrupted
from bluma_async._session.pickling import MISSING_KEY, pack_options, unpack_options
from bluma_async._session.retry_loop import Failed, RetryLoop
from bluma_async._version import __version__
from bluma_async._wire.answers import read_answer
from bluma_async._wire.call import Safety
from bluma_async._wire.messages import NOTHING, Request
from bluma_async.errors import (
    AmbiguousCreateError,
    APIError,
    BlumaError,
    InvalidArgumentError,
    NetworkError,
    NotFoundError,
)

if TYPE_CHECKING:
    from bluma_async._session import exclusive
    from bluma_async._session.evidence import CreateEvidence
    from bluma_async._session.options import Options
    from bluma_async._session.pauses import Pauses
    from bluma_async._session.ports import Coordinator, Transport
    from bluma_async._session.retry_loop import Attempt, Reconciler
    from bluma_async._session.shared import Shared
    from bluma_async._wire.budget import RateLimit
    from bluma_async._wire.call import Call
    from bluma_async._wire.messages import Answer
else:
    exclusive = LazyModule("bluma_async._session.exclusive")

__all__ = ["Session"]

T = TypeVar("T")
PYTHON = platform.python_version()
SDK_HEADERS = {
    name.lower(): name for name in ("Authorization", "User-Agent", "Accept", "Content-Type", "Idempotency-Key")
}


class Session:
    """Sends calls by one set of options, over the connections that all copies of the client share."""

    def __init__(self, options: Options, shared: Shared, coordinator: Coordinator | None = None) -> None:
        self.options = options
        self.shared = shared
        self.coordinator = coordinator
        self.api_key: Secret = Secret(options.api_key)
        self.evidence: CreateEvidence = find_evidence(options.base_url, options.api_key)
        self.retry_loop: RetryLoop = RetryLoop(options, shared)
        self.pauses: Pauses = shared.budgets.pauses(options.api_key)
        self._headers = _standing_headers(options)
        if shared.telemetry is not None:
            shared.telemetry.watch(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (pack_options(self.options, self.shared.environment), self.shared, self.coordinator)

    def __deepcopy__(self, _: object) -> Session:
        return self

    @property
    def rate_limit(self) -> RateLimit | None:
        """The key's budget, as the newest answer reported it."""
        return self.shared.budgets.get(self.options.api_key)

    def with_options(self, changes: Mapping[str, Any]) -> Session:
        """Return a session with other options over the same connections."""
        options, coordinator = self.options.changed(changes), self.coordinator
        if coordinator is not None and {"api_key", "base_url"} & set(changes):
            coordinator = coordinator.for_account(options.base_url, options.api_key)
        return Session(options, self.shared, coordinator)

    def with_coordinator(self, coordinator: Coordinator) -> Session:
        """Return a session that agrees with other processes before it sends."""
        return Session(self.options, self.shared, coordinator)

    def send(
        self, call: Call[T], *, within: float | None = None, reconciler: Reconciler[T] | None = None
    ) -> Coroutine[Any, Any, T]:
        """
        Send a call, retry it as the options say, and return the decoded answer.

        Args:
            call: The call.
            within: Seconds for the whole call, if that is sooner than the `deadline` option.
            reconciler: Determines the outcome of an uncertain paid call. Without it, such a call is never sent again
                unless it certainly was refused.
        """
        in_flight = self._begin(call, within)
        attempt = partial(self._attempt, call, reconciler)
        if call.safety is Safety.COSTS_MONEY:
            work, telemetry = self._send_paid(in_flight, attempt, reconciler), self.shared.telemetry
            return work if telemetry is None else telemetry.report_create(in_flight, work)
        return self.retry_loop.run(in_flight, attempt)

    async def _send_paid(self, in_flight: InFlightCall, attempt: Attempt[T], reconciler: Reconciler[T] | None) -> T:
        """Send a call that costs money; it stays open until its outcome is known, if anything can determine that."""
        in_flight.server_date = self.shared.server_clock.at(in_flight.began)
        in_flight.local_time = local_time(self.shared.clock)
        await self.require_exclusive()
        in_flight.is_attended, in_flight.can_be_settled = True, reconciler is not None
        self.evidence.add(in_flight)
        try:
            result = await self.retry_loop.run(in_flight, attempt, reconciler)
        except AmbiguousCreateError as error:
            in_flight.identify(error)
            if self.shared.connections.is_closed:  # the caller may be gone with the client, and the error unseen
                log_interrupted(in_flight)
            raise
        except BaseException as error:
            self._note_interrupted(in_flight, error)
            raise
        finally:
            in_flight.is_attended = False
            if not in_flight.can_be_settled:
                self.evidence.remove(in_flight)
        self.evidence.remove(in_flight)
        return result

    def _note_interrupted(self, in_flight: InFlightCall, error: BaseException) -> None:
        """Forget a paid call that was not sent. Log every other one, and put its key into the exception."""
        in_flight.interrupt(self.shared.clock.now())
        if in_flight.standing is Standing.NOT_SENT:
            self.evidence.remove(in_flight)
        else:
            in_flight.identify(error)
            log_interrupted(in_flight)

    async def require_exclusive(self) -> None:
        """
        Hold the account's lock on this machine, if the caller has stated that nobody else uses the key.

        Raises:
            BlumaError: Another program has made the same statement. Nothing was sent.
        """
        # Processes that share a store are one program: the store keeps their creates apart.
        if self.options.is_exclusive and not self.shared.connections.is_custom and self.coordinator is None:
            await exclusive.require_exclusive(self.evidence, self.options.base_url, self.api_key)

    async def _attempt(
        self, call: Call[T], reconciler: Reconciler[T] | None, in_flight: InFlightCall
    ) -> Union[T, Failed]:
        shared, request = self.shared, in_flight.request
        get_running_loop()  # now, and not as the request is sent: without a loop, a create would count as uncertain
        patience, transport, sent_at = in_flight.time_left(shared.clock), shared.connections.get(), shared.clock.now()
        try:
            if self.coordinator is None:
                self.evidence.begin_attempt(in_flight)
                answer = await transport.send(request, self.options.timeout, patience)
            else:
                answer = await self._send_agreed(self.coordinator, transport, in_flight)
        except (NetworkError, InvalidArgumentError) as error:  # the latter: for a proxy of the environment
            return Failed(error)
        now = self._note_headers(answer)
        outcome: Union[T, Failed]
        try:  # before the hook: an exception of the user's must not hide that a create was accepted
            outcome = self._read(call, answer, in_flight)
            if reconciler is not None:
                await reconciler.accept(in_flight, outcome, answer)
            elif in_flight.safety is Safety.COSTS_MONEY:
                in_flight.note_accepted(getattr(outcome, "id", None))
        except APIError as error:
            outcome = Failed(error)
        observer = self.retry_loop.observer
        if observer.observes_responses:
            await observer.after_response(request, answer, in_flight.attempts, now - sent_at)
        return outcome

    def _note_headers(self, answer: Answer) -> float:
        """Note the budget and the time that an answer reports, and return when it came."""
        now = self.shared.clock.now()
        self.shared.budgets.update(self.options.api_key, answer.headers)
        self.shared.server_clock.update(answer.headers, now)
        if answer.status >= 400 and answer.date is None:  # a Retry-After that is a date then depends on this clock
            answer.received_at = local_time(self.shared.clock)
        return now

    async def _send_agreed(self, coordinator: Coordinator, transport: Transport, in_flight: InFlightCall) -> Answer:
        """Send a request after other processes have agreed."""
        try:
            await self.shared.connections.until_closed(coordinator.before_attempt(in_flight))
            self.shared.connections.get()  # refuses, if the client was closed meanwhile
        except BlumaError as problem:
            if in_flight.standing is Standing.UNCERTAIN:  # this attempt was not sent, but the one before it was
                raise ambiguous_create(in_flight, problem) from problem
            raise
        patience, headers = in_flight.time_left(self.shared.clock), NOTHING
        if in_flight.safety is Safety.COSTS_MONEY:
            # Others count from the announcement of a create, so it must not wait for a connection any longer.
            patience = self.options.timeout if patience is None else min(patience, self.options.timeout)
        self.evidence.begin_attempt(in_flight)
        try:
            answer = await transport.send(in_flight.request, self.options.timeout, patience)
            headers = answer.headers
            return answer
        finally:
            coordinator.after_attempt(in_flight, headers)

    def _read(self, call: Call[T], answer: Answer, in_flight: InFlightCall) -> T:
        read, key = call.read, self.api_key
        try:
            return read_answer(answer, call.decode, key) if read is None else read(answer, key)
        except NotFoundError as gone:
            if call.method == "DELETE" and in_flight.is_unproven and gone.is_api_answer:
                return cast("T", None)  # an earlier attempt has deleted it, and its answer was lost
            raise

    def begin_transfer(
        self, method: str, link: str, headers: Mapping[str, str], ends: float | None = None
    ) -> InFlightCall:
        """
        Begin a transfer to or from a signed link, to be run by `retry_loop`; no retry begins after `ends`.

        The key is not sent: the link is the permission, and its host is not the API's.
        """
        request = Request(method, link, {"User-Agent": self._headers["User-Agent"], **headers}, is_signed=True)
        return InFlightCall(request, self.shared.clock.now(), ends)

    def report(self, operation: str, job_id: str, work: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """Return work that is a wait or a save, so that telemetry reports it when it is awaited."""
        telemetry = self.shared.telemetry
        return work if telemetry is None else telemetry.report(operation, job_id, work)

    def report_states(self, job_id: str, states: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """Return the states of a wait, so that telemetry reports it while they are read."""
        telemetry = self.shared.telemetry
        return states if telemetry is None else telemetry.report_states(job_id, states)

    async def close(self) -> None:
        """Close the connections of all copies of the client."""
        self.shared.connections.is_closed = True
        self.evidence.wake_all()  # a create that waits for evidence ends now, as in doubt
        await self.shared.connections.close()
        if self.coordinator is not None:
            await self.coordinator.close()

    def _begin(self, call: Call[Any], within: float | None) -> InFlightCall:
        if not self.options.api_key:
            raise BlumaError(MISSING_KEY.format(self.shared.environment.get("api_key", "its variable")), status=401)
        headers = self._headers
        if call.method != "GET":
            headers = {**headers, "Idempotency-Key": call.idempotency_key or uuid.uuid4().hex}
            if call.body is not None:
                headers["Content-Type"] = "application/json"
        url = self.options.base_url + call.path
        began, deadline = self.shared.clock.now(), self.options.deadline
        if within is None or (deadline is not None and deadline < within):
            within = deadline
        request = Request(call.method, url, headers, call.body, call.parts, call.fields, api_key=self.api_key)
        ends = None if within is None else began + within
        in_flight = InFlightCall(
            request, began, ends, call.safety, call.subject, is_sent_once=call.is_sent_once, pauses=self.pauses
        )
        in_flight.token, in_flight.content = call.token, call.content
        return in_flight


def _unpickle(packed: Mapping[str, Any], shared: Shared, coordinator: Coordinator | None = None) -> Session:
    options = unpack_options(packed, shared)
    if coordinator is not None:
        coordinator = coordinator.for_account(options.base_url, options.api_key)
    return Session(options, shared, coordinator)


def _standing_headers(options: Options) -> dict[str, str]:
    """
    Return the headers of every request except the key; the caller's own ones replace the SDK's, in any letter case.

    The key joins them when they are sent (`Request.headers`).
    """
    own = {
        "User-Agent": f"bluma-python/{__version__} python/{PYTHON}",
        "Accept": "application/json",
    }
    return {**own, **{SDK_HEADERS.get(name.lower(), name): text for name, text in options.default_headers.items()}}

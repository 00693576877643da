"""Agree with the other processes of an account: the coordinator of a client with the option `shared`."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Awaitable, Callable, Mapping, Sequence, TypeVar
from weakref import WeakKeyDictionary

from bluma_async._runtime.log import logger
from bluma_async._runtime.tasks import finish, within
from bluma_async._wire.call import Safety
from bluma_async.errors import BlumaError, RequestTimeoutError
from bluma_async.sharing.announcing import announce
from bluma_async.sharing.membership import Membership
from bluma_async.stores.keys import fingerprint_key

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async._session.evidence import CreateEvidence
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.options import Options
    from bluma_async._wire.certainty import Explained
    from bluma_async.sharing.membership import Participant
    from bluma_async.stores.creates import SharedCreates

__all__ = ["AccountCoordinator", "AnnouncedCreate", "CreateTakenOver", "open_coordinator"]


T = TypeVar("T")
PATIENCE = 30.0  # seconds that a call without a deadline waits for a place in the budget


class CreateTakenOver(Exception):  # noqa: N818 - a signal, which the create of this process follows up
    """Another process has taken over a create, because this one seemed to be dead. Nothing was sent since."""


def open_coordinator(url: str, options: Options, clock: Clock) -> AccountCoordinator:
    """Return the coordinator of a client. Nothing is connected yet."""
    return AccountCoordinator(Membership(url, clock), fingerprint_key(options.base_url, options.api_key), clock)


class AccountCoordinator:
    """The agreement of a client, and of its copies with the same key, with the other processes."""

    def __init__(self, membership: Membership, fingerprint: str, clock: Clock) -> None:
        self.fingerprint = fingerprint
        self.clock = clock
        self._membership = membership
        self._numbers: WeakKeyDictionary[InFlightCall, int] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[object, ...]:
        return AccountCoordinator, (self._membership, self.fingerprint, self.clock)

    async def before_attempt(self, call: InFlightCall) -> None:
        """
        Wait for a place in the budget of all processes.

        A database that is gone stops creates, and nothing else: reads are sent without it for a while.

        Raises:
            RateLimitError: The budget is used up. Nothing was sent.
            BlumaError: The database cannot be used. Nothing was sent.
        """
        participant = await self.participant()
        await _join_in_time(participant, call.time_left(self.clock))
        patience = math.inf if call.ends is not None else PATIENCE
        if call.safety is Safety.COSTS_MONEY:
            await (await participant.pacer(self.fingerprint)).wait(call, patience)
        else:
            await participant.pace_read(self.fingerprint, call, patience)

    def after_attempt(self, call: InFlightCall, headers: Mapping[str, str]) -> None:
        """Note that an attempt has ended, and the budget that its answer reports."""
        participant = self._membership.find()
        pacer = None if participant is None else participant.pacers.get(self.fingerprint)
        if pacer is not None:
            pacer.note(call, headers)

    async def explain(self, call: InFlightCall, video_ids: Sequence[str]) -> Explained:
        """Return what all processes know about these videos."""
        return await (await self.creates()).explain(video_ids, call.key or "", self.find_number(call))

    async def find_video(self, call: InFlightCall) -> str | None:
        """Return the video that any process has recorded for a create."""
        return await (await self.creates()).find_video(self.find_number(call), call.key or "")

    async def is_anothers(self, call: InFlightCall, video_id: str) -> bool:
        """Return whether the video that answers a create is another create's, as far as the processes have recorded."""
        return await (await self.creates()).is_anothers(video_id, self.find_number(call))

    def for_account(self, base_url: str, api_key: str, /) -> AccountCoordinator:
        """Return the coordinator of another key, over the same connections."""
        return AccountCoordinator(self._membership, fingerprint_key(base_url, api_key), self.clock)

    async def close(self) -> None:
        """Leave the database."""
        await self._membership.close()

    def publish(self, video_id: str, body: str, *, is_final: bool) -> None:
        """Tell other processes the state of a video. May be called from any thread; failures are logged."""
        self._membership.publish(video_id, body, is_final=is_final)

    async def participant(self) -> Participant:
        """Return this process's part in the running event loop."""
        return await self._membership.get()

    async def creates(self, within: float | None = None) -> SharedCreates:
        """
        Return the creates of all processes.

        Args:
            within: Seconds in which the database must answer, if it was not joined before; None for no limit.

        Raises:
            RequestTimeoutError: It has not answered so far. Nothing was sent.
            BlumaError: The database cannot be used. Nothing was sent.
        """
        participant = await self.participant()
        await _join_in_time(participant, within)
        return await participant.creates()

    async def record(self, work: Callable[[], Awaitable[T]], request_key: str | None) -> T | None:
        """
        Record an outcome, now or later: the outcome itself is worth more to the caller than its record.

        A cancellation does not end it. Returns the result of the work; None if it is done later.

        Args:
            work: Records it.
            request_key: The `Idempotency-Key` of the create, for the log.
        """
        return await finish(self._record(work, request_key))

    async def _record(self, work: Callable[[], Awaitable[T]], request_key: str | None) -> T | None:
        try:
            return await work()
        except BlumaError as problem:
            logger.warning("The outcome of the create %s could not be recorded yet: %s", request_key, problem)
            with contextlib.suppress(BlumaError):  # the client was closed: its lease ends, and others settle the create
                (await self.participant()).record_later(work)
            return None

    def note_number(self, call: InFlightCall, number: int) -> None:
        """Note the number of the intent of a create."""
        self._numbers[call] = number

    def find_number(self, call: InFlightCall) -> int | None:
        """Return the number of the intent of a create that this process has sent."""
        return self._numbers.get(call)

    def find_open(self, evidence: CreateEvidence, number: int) -> InFlightCall | None:
        """Return the open create of this process with this intent."""
        return next((call for call in evidence.open_calls if self._numbers.get(call) == number), None)


async def _join_in_time(participant: Participant, left: float | None) -> None:
    """
    Join the database before the deadline of a call.

    Raises:
        RequestTimeoutError: It has not answered so far. Nothing was sent.
    """
    try:
        await within(left, participant.join())
    except TimeoutError:
        late = "The database of shared= has not answered before the deadline. Nothing was sent."
        raise RequestTimeoutError(late, request_sent=False) from None


class AnnouncedCreate:
    """The coordinator of one create, whose intent is recorded."""

    def __init__(self, account: AccountCoordinator, creates: SharedCreates, number: int) -> None:
        self._account = account
        self._creates = creates
        self._number = number

    async def before_attempt(self, call: InFlightCall) -> None:
        """
        Wait until the attempt may be sent, and announce it if it is the create's.

        Raises:
            CreateTakenOver: Another process has settled the create, or is about to.
            BlumaError: The announcement could not be recorded. Nothing was sent.
        """
        await self._account.before_attempt(call)
        if call.safety is not Safety.COSTS_MONEY:
            return
        self._account.note_number(call, self._number)
        try:
            is_announced = await announce(call, self._account.clock, lambda: self._creates.touch(self._number))
        except BlumaError as problem:
            raise BlumaError(f"{problem} The request was not sent.") from problem
        if not is_announced:
            raise CreateTakenOver

    def after_attempt(self, call: InFlightCall, headers: Mapping[str, str]) -> None:
        """Note that an attempt has ended, and the headers of its answer."""
        self._account.after_attempt(call, headers)

    async def explain(self, call: InFlightCall, video_ids: Sequence[str]) -> Explained:
        """
        Return what all processes know about these videos.

        Raises:
            CreateTakenOver: Another process has taken over the create: the videos that it and others have made since
                are not candidates of this search.
        """
        found = await self._creates.explain(video_ids, call.key or "", self._number)
        if not found.is_mine:
            raise CreateTakenOver
        return found

    async def find_video(self, call: InFlightCall) -> str | None:
        """Return the video that any process has recorded for the create."""
        return await self._account.find_video(call)

    async def is_anothers(self, call: InFlightCall, video_id: str) -> bool:
        """Return whether the video that answers the create is another one's, as far as the processes have recorded."""
        return await self._account.is_anothers(call, video_id)

    def for_account(self, _: str, __: str, /) -> AnnouncedCreate:
        """Refuse: an intent belongs to one account."""
        raise BlumaError("A create that was announced belongs to one key.")

    async def close(self) -> None:
        """Do nothing: the connections are the client's."""

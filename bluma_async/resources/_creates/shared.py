"""
Create a video in agreement with other processes: one create of a template at a time, and one video for a key.

Rule 1: the intent is recorded before the request is sent, and the video after it. A create without a recorded outcome
whose process is dead is settled by a search before another create of its template is sent.
Rule 2: a key that has its video is answered with it, whatever became of the video. A key whose create is open is
settled, never sent again without proof.
Rule 3: a video that was paid is returned although its record fails: the open intent is settled later, by anybody.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import TYPE_CHECKING, AsyncGenerator, Awaitable, Callable

import attrs

from bluma_async._runtime.paid_ids import PaidId
from bluma_async._session.evidence import READ_LAG
from bluma_async._session.in_flight import Standing
from bluma_async._wire.checks import invalid
from bluma_async._wire.content import hash_create
from bluma_async.errors import AmbiguousCreateError, BlumaError, NotFoundError, RequestTimeoutError
from bluma_async.resources._creates.account_check import require_account
from bluma_async.resources._creates.certain import CertainCreate
from bluma_async.resources._creates.keys import require_key
from bluma_async.resources._creates.lost import settle_lost
from bluma_async.resources._creates.stand_in import find_start
from bluma_async.resources._videos.calls import get_call
from bluma_async.sharing.announcing import find_settling_time
from bluma_async.sharing.coordinator import AnnouncedCreate, CreateTakenOver
from bluma_async.stores.creates import TurnKind, WantedCreate
from bluma_async.types import Video, VideoStatus

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async._wire.call import Call
    from bluma_async.sharing.coordinator import AccountCoordinator
    from bluma_async.stores.creates import CreateTurn, LostCreate, SharedCreates

__all__ = ["SharedCreate"]

SHORTEST_WAIT = 0.02  # seconds between two requests for a turn
LONGEST_WAIT = 0.5


class SharedCreate:
    """One create among those of all processes."""

    def __init__(
        self, session: Session, coordinator: AccountCoordinator, call: Call[Video], key: str | None, preset: str | None
    ) -> None:
        self._session = session
        self._coordinator = coordinator
        self._call = attrs.evolve(call, idempotency_key=call.idempotency_key or uuid.uuid4().hex)
        self._key = None if key is None else require_key(key)
        self._preset = preset
        self._clock = session.shared.clock
        deadline = session.options.deadline
        self._ends = None if deadline is None else self._clock.now() + deadline
        self._number: int | None = None
        self._was_sent = False  # whether a request was sent whose outcome another process, or a search, determines

    async def run(self) -> Video:
        """
        Return the video of the key, or else create one in its turn.

        Raises:
            InvalidArgumentError: The key belongs to another content, or the database to another account.
            RequestTimeoutError: Its turn did not come before the deadline. Nothing was sent.
            AmbiguousCreateError: It was sent, and its outcome is not known by the deadline, or cannot be determined.
            BlumaError: The database cannot be used, or the create failed.
        """
        try:
            return await self._run()
        except BlumaError as problem:
            if self._was_sent and not isinstance(problem, AmbiguousCreateError):
                raise self._in_doubt() from problem
            raise

    async def _run(self) -> Video:
        creates = await self._coordinator.creates(self._time_left())
        known = None if self._key is None else await self.find()  # without a turn
        if known is not None:
            return known
        async with self._local_turn():
            await require_account(self._session, self._coordinator, creates)
            while True:
                turn = await self._wait_for_turn(creates)
                if turn.kind is TurnKind.MADE:
                    return await self._read(turn)
                if turn.lost is not None:
                    await self._settle(creates, turn.lost)
                    continue
                self._number = turn.number
                with contextlib.suppress(CreateTakenOver):  # then its outcome is the other process's
                    return await self._send(creates, turn.number)

    async def find(self) -> Video | None:
        """Return the video of the key, if it has one; for a content that may have been bought before."""
        creates = await self._coordinator.creates(self._time_left())
        await require_account(self._session, self._coordinator, creates)
        turn = await creates.look_up(self._build_wanted())
        self._require_content(turn)
        return await self._read(turn) if turn.kind is TurnKind.MADE else None

    async def name_video(self, video: Video) -> Video | None:
        """Record a video that was bought before as that of the key. Return the key's video; None if it is not known."""
        named = await (await self._coordinator.creates()).name_video(self._build_wanted(), video.id)
        if named is None or named == video.id:
            return None if named is None else video
        return await self._session.send(get_call(named, self._session.evidence))

    @contextlib.asynccontextmanager
    async def _local_turn(self) -> AsyncGenerator[None, None]:
        turns, left = (await self._coordinator.participant()).turns, self._time_left()
        async with contextlib.AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(turns.acquire(self._call.subject, left))
            except asyncio.TimeoutError:
                raise self._late() from None
            yield

    async def _wait_for_turn(self, creates: SharedCreates) -> CreateTurn:
        """Return what the create may do, once that is something."""
        wait = SHORTEST_WAIT
        while True:
            turn = await self._ask_for_turn(creates)
            self._require_content(turn)
            if turn.kind is not TurnKind.BUSY:
                return turn
            if self._session.shared.connections.is_closed:
                raise BlumaError("The client was closed before the create had its turn. Nothing was sent.")
            if self._ends is not None and self._clock.now() + wait > self._ends:
                raise self._late()
            await self._clock.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    async def _ask_for_turn(self, creates: SharedCreates) -> CreateTurn:
        """Return what the create may do now. A cancellation gives back what it was given: others wait for it."""
        asking = asyncio.ensure_future(creates.begin(self._build_wanted()))
        try:
            return await asyncio.shield(asking)
        except BlumaError as problem:
            raise BlumaError(f"{problem} Nothing was sent.") from problem
        except asyncio.CancelledError:
            await asyncio.wait([asking])
            turn = None if asking.cancelled() or asking.exception() else asking.result()
            if turn is not None and turn.kind is TurnKind.BEGUN:
                await self._record(lambda: creates.release(turn.number))
            elif turn is not None and (lost := turn.lost) is not None:
                await self._record(lambda: creates.abandon(lost.number))
            raise

    def _build_wanted(self) -> WantedCreate:
        return WantedCreate(
            request_key=self._call.idempotency_key or "",
            template_id=self._call.subject,
            name=self._key,
            content=hash_create(self._call.body),
            started_at=find_start(self._session),
            settles_after=find_settling_time(self._session.options),
            number=self._number,
        )

    def _require_content(self, turn: CreateTurn) -> None:
        if turn.kind is TurnKind.OTHER_CONTENT:
            differ = "its template, variant, context or options differ. Pass a key of its own."
            raise invalid("key", f"The key {self._key!r} belongs to another create: {differ}")

    async def _settle(self, creates: SharedCreates, lost: LostCreate) -> None:
        """Settle an earlier create, of this key or of another process."""
        try:
            await settle_lost(self._session, self._coordinator, creates, lost)
        except AmbiguousCreateError as error:
            is_own = lost.number == self._number or (self._key is not None and lost.name == self._key)
            if is_own:
                raise
            if error.candidates or error.accepted:
                return  # it is in doubt, and its turn is over
            raise BlumaError(
                f"An earlier create of the same template has an unknown outcome (Idempotency-Key "
                f"{lost.request_key}), and the list of videos could not be searched for it. Nothing was sent; try "
                "again later."
            ) from error

    async def _send(self, creates: SharedCreates, number: int) -> Video:
        """Send the create, and record its outcome."""
        session = self._session.with_coordinator(AnnouncedCreate(self._coordinator, creates, number))
        try:
            await self._forget_settled(creates)
            video = await session.send(
                self._call, within=self._time_left(), reconciler=CertainCreate(session, self._preset)
            )
        except CreateTakenOver:
            self._forget(number)
            raise
        except BaseException as failure:
            await self._record_failure(creates, number, failure)
            raise
        await self._record_bill(creates, number, video.id, video.credits_charged)
        return video

    async def _forget_settled(self, creates: SharedCreates) -> None:
        """Forget the interrupted creates of this process that another one has settled: they are no rivals any more."""
        evidence = self._session.evidence
        lost = evidence.lost_calls
        calls = {number: call for call in lost if (number := self._coordinator.find_number(call)) is not None}
        with contextlib.suppress(BlumaError):
            for number in await creates.list_settled(list(calls)) if calls else ():
                evidence.remove(calls[number])

    def _forget(self, number: int) -> None:
        """Forget a create that is left to another process: here it would be a rival of later ones."""
        call = self._coordinator.find_open(self._session.evidence, number)
        if call is not None:
            self._was_sent = self._was_sent or call.standing is not Standing.NOT_SENT
            self._session.evidence.remove(call)

    async def _record_failure(self, creates: SharedCreates, number: int, failure: BaseException) -> None:
        """Record what a failed create leaves: nothing, a video, a doubt, or an open create that anybody may settle."""
        call = self._coordinator.find_open(self._session.evidence, number)
        made = None if call is None else call.video_id
        if made is not None:  # cancelled as the answer was compared with the records, or a hook raised after it
            with contextlib.suppress(CreateTakenOver):
                await self._record_bill(creates, number, made, 0)
        elif isinstance(failure, AmbiguousCreateError) and (failure.candidates or failure.accepted):
            names, is_accepted = [candidate.id for candidate in failure.candidates], failure.accepted
            await self._record(lambda: creates.doubt(number, names, is_accepted=is_accepted))
        elif call is not None:
            await self._record(lambda: creates.abandon(number))
        else:
            await self._record(lambda: creates.release(number))

    async def _record_bill(self, creates: SharedCreates, number: int, video_id: str, charged: int) -> None:
        """
        Record the video of the create.

        Raises:
            CreateTakenOver: It is another create's, and the records could not be read as the answer came. The create is
                open, and is settled by a search.
        """
        key = self._call.idempotency_key
        with PaidId(video_id):
            is_own = await self._coordinator.record(lambda: creates.bill(number, video_id, charged), key)
        if is_own is False:
            self._session.evidence.disown(key, video_id)
            self._forget(number)
            self._was_sent = True
            raise CreateTakenOver

    async def _record(self, work: Callable[[], Awaitable[object]]) -> None:
        await self._coordinator.record(work, self._call.idempotency_key)

    async def _read(self, turn: CreateTurn) -> Video:
        """Return the recorded video. One that was created just now may not be readable yet."""
        evidence, name = self._session.evidence, turn.video_id
        evidence.mark_known(name)
        if turn.age < READ_LAG and not evidence.knows_create(name):  # a wait for it is patient then
            evidence.mark_created(name, self._clock.now() - turn.age)
        try:
            return await self._session.send(get_call(name, evidence))
        except NotFoundError:
            if turn.age >= READ_LAG:
                raise
            return Video(id=name, status=VideoStatus.QUEUED, template_id=self._call.subject or "")
        except BlumaError as error:
            error.video_id = name
            raise

    def _time_left(self) -> float | None:
        return None if self._ends is None else max(self._ends - self._clock.now(), 0.001)

    def _in_doubt(self) -> AmbiguousCreateError:
        """Return the error for a create that was sent, and whose outcome this call does not learn any more."""
        return AmbiguousCreateError(
            "The create was sent, and may have been accepted and billed; its outcome is not known yet. "
            "`client.settle()` determines it. Make sure of it before you create it again.",
            idempotency_key=self._call.idempotency_key,
            template_id=self._call.subject,
        )

    def _late(self) -> RequestTimeoutError:
        return RequestTimeoutError(
            "The create did not get its turn before the deadline: another one of the same template is under way. "
            "Nothing was sent.",
            request_sent=False,
        )

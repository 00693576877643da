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
import hashlib
import json
import uuid
from typing import TYPE_CHECKING, AsyncGenerator, Awaitable, Callable

import attrs

from bluma_async._runtime.clock import local_time
from bluma_async._session.evidence import READ_LAG
from bluma_async._wire.checks import invalid, require_text
from bluma_async.errors import AmbiguousCreateError, BlumaError, NotFoundError, RequestTimeoutError
from bluma_async.resources._account_check import require_account
from bluma_async.resources._certain_create import CertainCreate
from bluma_async.resources._lost_creates import settle_lost
from bluma_async.resources._video_calls import get_call
from bluma_async.sharing.announcing import find_settling_time
from bluma_async.sharing.coordinator import AnnouncedCreate, CreateTakenOver
from bluma_async.stores.creates import TurnKind, WantedCreate
from bluma_async.types import Video, VideoStatus

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._session.session import Session
    from bluma_async._wire.call import Call
    from bluma_async.sharing.coordinator import AccountCoordinator
    from bluma_async.stores.creates import CreateTurn, SharedCreates

__all__ = ["SharedCreate"]

SHORTEST_WAIT = 0.02  # seconds between two requests for a turn
LONGEST_WAIT = 0.5
LONGEST_KEY = 500  # characters; the index of a database takes about 2,700 bytes
CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


class SharedCreate:
    """One create among those of all processes."""

    def __init__(
        self, session: Session, coordinator: AccountCoordinator, call: Call[Video], key: str | None, preset: str | None
    ) -> None:
        self._session = session
        self._coordinator = coordinator
        self._call = attrs.evolve(call, idempotency_key=call.idempotency_key or uuid.uuid4().hex)
        self._key = None if key is None else _require_key(key)
        self._preset = preset
        self._clock = session.shared.clock
        deadline = session.options.deadline
        self._ends = None if deadline is None else self._clock.now() + deadline
        self._number: int | None = None

    async def run(self) -> Video:
        """
        Return the video of the key, or else create one in its turn.

        Raises:
            InvalidArgumentError: The key belongs to another content, or the database to another account.
            RequestTimeoutError: Its turn did not come before the deadline. Nothing was sent.
            BlumaError: The database cannot be used, or the create failed.
        """
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
                    await self._settle(creates, turn)
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
        return await self._session.send(get_call(named))

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
            content=self._hash_content(),
            started_at=self._now(),
            settles_after=find_settling_time(self._session.options),
            number=self._number,
        )

    def _require_content(self, turn: CreateTurn) -> None:
        if turn.kind is TurnKind.OTHER_CONTENT:
            raise invalid(
                "key",
                f"The key {self._key!r} belongs to another create: its template, variant, context or options differ. "
                "Nothing was created; pass a key of its own.",
            )

    async def _settle(self, creates: SharedCreates, turn: CreateTurn) -> None:
        """Settle an earlier create, of this key or of another process."""
        if turn.lost is None:
            return
        try:
            await settle_lost(self._session, self._coordinator, creates, turn.lost)
        except AmbiguousCreateError as error:
            if self._key is not None and turn.lost.name == self._key:
                raise
            if error.candidates or error.accepted:
                return  # it is in doubt, and its turn is over
            raise BlumaError(
                f"An earlier create of the same template has an unknown outcome (Idempotency-Key "
                f"{turn.lost.request_key}), and the list of videos could not be searched for it. Nothing was sent; try "
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
        await self._record(lambda: creates.bill(number, video.id, video.credits_charged))
        return video

    async def _forget_settled(self, creates: SharedCreates) -> None:
        """Forget the interrupted creates of this process that another one has settled: they are no rivals any more."""
        evidence = self._session.evidence
        calls = {self._coordinator.find_number(call): call for call in evidence.open_calls if not call.is_attended}
        numbers = [number for number in calls if number is not None]
        with contextlib.suppress(BlumaError):
            for number in await creates.list_settled(numbers) if numbers else ():
                evidence.remove(calls[number])

    def _forget(self, number: int) -> None:
        """Forget a create that is left to another process: here it would be a rival of later ones."""
        call = self._coordinator.find_open(self._session.evidence, number)
        if call is not None:
            self._session.evidence.remove(call)

    async def _record_failure(self, creates: SharedCreates, number: int, failure: BaseException) -> None:
        """Record what a failed create leaves: nothing, a doubt, or an open create that any process may settle."""
        is_open = self._coordinator.find_open(self._session.evidence, number) is not None
        if isinstance(failure, AmbiguousCreateError) and (failure.candidates or failure.accepted):
            names, is_accepted = [candidate.id for candidate in failure.candidates], failure.accepted
            await self._record(lambda: creates.doubt(number, names, is_accepted=is_accepted))
        elif is_open:
            await self._record(lambda: creates.abandon(number))
        else:
            await self._record(lambda: creates.release(number))

    async def _record(self, work: Callable[[], Awaitable[None]]) -> None:
        await self._coordinator.record(work, self._call.idempotency_key)

    async def _read(self, turn: CreateTurn) -> Video:
        """Return the recorded video. One that was created just now may not be readable yet."""
        evidence, name = self._session.evidence, turn.video_id
        evidence.mark_known(name)
        if turn.age < READ_LAG and not evidence.knows_create(name):  # a wait for it is patient then
            evidence.mark_created(name, self._clock.now() - turn.age)
        try:
            return await self._session.send(get_call(name))
        except NotFoundError:
            if turn.age >= READ_LAG:
                raise
            return Video(id=name, status=VideoStatus.QUEUED, template_id=self._call.subject or "")
        except BlumaError as error:
            error.video_id = name
            raise

    def _hash_content(self) -> str:
        body = json.loads(self._call.body or b"{}")
        content = [body.get(name) for name in ("template_id", "variant_id", "context")] + [body.get("options") or None]
        return hashlib.sha256(CANONICAL.encode(content).encode()).hexdigest()

    def _now(self) -> datetime | None:
        """Return the earlier of the server's clock and this machine's: a create that begins now is not older."""
        known = (self._session.shared.server_clock.at(self._clock.now()), local_time(self._clock))
        return min((time for time in known if time is not None), default=None)

    def _time_left(self) -> float | None:
        return None if self._ends is None else max(self._ends - self._clock.now(), 0.001)

    def _late(self) -> RequestTimeoutError:
        return RequestTimeoutError(
            "The create did not get its turn before the deadline: another one of the same template is under way. "
            "Nothing was sent.",
            request_sent=False,
        )


def _require_key(key: object) -> str:
    """Return a key that a database can store."""
    text = require_text("key", key)
    is_storable = "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
    if len(text) > LONGEST_KEY or not is_storable:
        raise invalid(
            "key",
            f"key must be text of at most {LONGEST_KEY} characters that UTF-8 has, without NUL. Nothing was sent.",
        )
    return text

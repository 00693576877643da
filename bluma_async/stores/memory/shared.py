"""
Share the jobs of a store in memory among several members, each of which stands for a process.

Rule 1: only the renewal of the lease and `agree` wait. Each verb is atomic, as a transaction of a database is.
Rule 2: every decision is the one that `postgres/writes.py` makes in SQL; one suite of tests runs both.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Callable

import attrs

from bluma_async._runtime.threads import in_thread
from bluma_async.stores.folders import is_same_folder, name_folder
from bluma_async.stores.holders import ENDS_INTENT, build_folder_error, exceeds_limit, is_done, is_foreign, is_stray
from bluma_async.stores.jobs import Conflict, ConflictKind
from bluma_async.stores.memory.claims import MemorySharing
from bluma_async.stores.memory.jobs import MemoryJobStore
from bluma_async.stores.memory.members import MemoryIntent, Stray
from bluma_async.stores.sharing import BEATS, LEASE, VideoOwner
from bluma_async.stores.states import JobState, Verb
from bluma_async.stores.transitions import REPLAN, check_change, find_again
from bluma_async.types._model import utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.stores.jobs import Outcome, StoredJob
    from bluma_async.stores.memory.members import SharedMemory
    from bluma_async.stores.transitions import Change

__all__ = ["SharedJobStore"]


class SharedJobStore(MemoryJobStore):
    """A `JobStore` in shared memory, as one member sees it."""

    sharing: MemorySharing

    def __init__(self, memory: SharedMemory, now: Callable[[], datetime] = utc_now, lease: float = LEASE) -> None:
        """
        Join the members of a shared memory. The lease is not renewed: see `open`.

        Args:
            memory: What the members share.
            now: Returns the present time, for the history of jobs.
            lease: Seconds after its last sign of life for which this member holds its jobs.
        """
        super().__init__(now)
        self.memory = memory
        self._tables, self._presets = memory.tables, memory.presets
        self._epoch = memory.join(lease)
        self.sharing = MemorySharing(  # pyright: ignore[reportIncompatibleVariableOverride]  # no other kind follows
            memory, self._epoch, lease
        )
        self._renewal: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls, memory: SharedMemory, now: Callable[[], datetime] = utc_now, lease: float = LEASE
    ) -> SharedJobStore:
        """Join the members of a shared memory, and renew the lease until the store is closed."""
        store = cls(memory, now, lease)
        store._renewal = asyncio.ensure_future(store._renew_forever(lease / BEATS))
        return store

    async def agree(self, max_credits: float | None, out: str | None) -> None:
        """
        Agree with the other members on the credit limit and on the folder; None leaves what was agreed on.

        Raises:
            InvalidArgumentError: Another folder was agreed on.
        """
        memory = self.memory
        folder = None if out is None else await in_thread(name_folder, out)
        if folder is not None and memory.out is not None and not await in_thread(is_same_folder, memory.out, folder):
            raise build_folder_error(self.name, memory.out, folder)
        memory.out = memory.out or folder
        memory.max_credits = memory.max_credits if max_credits is None else max_credits

    async def close(self) -> None:
        """Give back the jobs of this member. One whose create is open is settled by another member."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
        await self.sharing.leave()

    async def _renew_forever(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self.sharing.free()

    async def _move(self, place: int, change: Change) -> Outcome:
        return self.move(place, change)

    def move(self, place: int, change: Change, *, is_repeated: bool = False) -> Outcome:
        """Apply a change to a job, or return why it is refused; a repeated one may have been applied before."""
        job = self._tables.read(place)
        if is_repeated and job is not None and is_done(job, change):
            return job
        owner = self._find_owner(job, change)
        outcome = check_change(change, job, is_billed=owner.is_billed)
        if job is not None and self._is_foreign(job):
            outcome = Conflict(ConflictKind.NOT_MINE, change.verb, job.key, job.state)
        if isinstance(outcome, Conflict):
            if job is not None and not owner.is_known and is_stray(job, change):
                self._record_stray(job, change)
            return outcome
        return self._find_obstacle(outcome, change) or self._write(outcome, change)

    def _find_owner(self, job: StoredJob | None, change: Change) -> VideoOwner:
        """Return the recorded facts about the video of a bill. If any job has it in the ledger, it counts as billed."""
        key, bill = None if job is None else job.request_key, change.bill
        if bill is None:
            return VideoOwner()
        owner = self.memory.find_owner(bill.video_id, bill.request_key or key, 0)
        return attrs.evolve(owner, is_billed=bill.video_id in self._tables.charged)

    def _is_foreign(self, job: StoredJob) -> bool:
        return is_foreign(self._epoch, job)

    def _set_run(self, run: int) -> None:
        super()._set_run(run)
        self.sharing.run = run

    def _write(self, job: StoredJob, change: Change) -> StoredJob:
        """Write a change that was allowed, and what follows for the intent of the job."""
        for entry in self.memory.intents:
            if change.verb in ENDS_INTENT and entry.place == job.place and entry.outcome in {None, "doubt"}:
                entry.outcome, entry.video_id = ENDS_INTENT[change.verb], change.fields.get("video_id")
        written, intent = super()._write(job, change), change.intent
        if intent is None:
            return written
        announced = (self._epoch, self._epoch, intent.price, self.memory.clock(), intent.settles_after)
        self.memory.intents.append(MemoryIntent(intent.request_key, job.place, job.template_id, *announced))
        return self._tables.write(written, epoch=self._epoch)

    def _build_replan(self, job: StoredJob) -> Change:
        """Return what plans a job again; one in doubt gets its video instead, if another member has recorded it."""
        made = self.memory.find_stray(job.request_key) if job.state == JobState.IN_DOUBT else None
        stray = next((one for one in self.memory.strays if one.video_id == made), None)
        return REPLAN if stray is None else find_again(stray.video_id, stray.charged)

    def _find_obstacle(self, job: StoredJob, change: Change) -> Conflict | None:
        """Return why a change is refused that the table of states allows: its video is recorded, or a rival is open."""
        made = self.memory.find_stray(job.request_key) if change.verb is Verb.RELEASE else None
        if made is not None:
            return Conflict(ConflictKind.WAS_MADE, change.verb, job.key, job.state, other=made)
        return self._find_rival(job, change)

    def _find_rival(self, job: StoredJob, change: Change) -> Conflict | None:
        """Return why an intent has no turn or no credits, or None."""
        if change.intent is None:
            return None
        for rival in self.memory.intents:
            if (rival.request_key, rival.place) == (change.intent.request_key, job.place):
                return Conflict(ConflictKind.NOT_MINE, Verb.INTEND, job.key, job.state)  # it was taken over meanwhile
            is_same = None in {rival.template_id, job.template_id} or rival.template_id == job.template_id
            if rival.outcome is None and is_same:
                return Conflict(ConflictKind.TURN_TAKEN, Verb.INTEND, job.key, job.state)
        used, limit = self._sum_credits(), self.memory.max_credits
        if exceeds_limit(change.intent.price, used, limit):
            return Conflict(ConflictKind.NO_CREDITS, Verb.INTEND, job.key, job.state, other=str(used))
        return None

    def _sum_credits(self) -> int:
        """Return the credits that are spent, and those that are held for creates without a known outcome."""
        tables = self._tables
        held = sum(entry.price or 0 for entry in self.memory.intents if entry.outcome in {None, "doubt"})
        return sum(tables.charged.values()) - sum(tables.refunded.values()) + held

    def _record_stray(self, job: StoredJob, change: Change) -> None:
        """Record a paid video whose job another member has taken over."""
        bill = change.bill
        if bill is not None:
            self.memory.strays.append(Stray(job.place, bill.request_key, bill.video_id, bill.charged, self._epoch))

"""
Share the jobs of a store in memory: claims, announcements, turns of periodic work.

Rule: every decision is the one that `postgres/claims.py` makes in SQL; one suite of tests runs both.
"""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import TYPE_CHECKING, Collection, List, Sequence, Tuple

from bluma_async._wire.certainty import Explained
from bluma_async.stores.memory.budget import MemoryBudget
from bluma_async.stores.sharing import DOUBT_MATTERS, DUE_AGAIN
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.stores.jobs import StoredJob
    from bluma_async.stores.memory.members import MemoryIntent, SharedMemory

__all__ = ["MemorySharing"]

FREE_STATES = (JobState.PLANNED, JobState.RENDERING, JobState.RENDERED)


class MemorySharing:
    """The `FleetSharing` of a store in shared memory, as one member sees it."""

    def __init__(self, memory: SharedMemory, epoch: int, lease: float) -> None:
        self.memory = memory
        self.run = 0
        self._epoch = epoch
        self._lease = lease

    @property
    def epoch(self) -> int:
        """The number of this member; no other one has ever had it."""
        return self._epoch

    def find_budget(self, fingerprint: str) -> MemoryBudget:
        """Return the budget of a key, by its fingerprint."""
        return MemoryBudget(self.memory, self._epoch, fingerprint)

    async def claim(
        self, states: Sequence[str], except_for: Collection[int], held: Collection[int]
    ) -> StoredJob | None:
        """Claim the next job of this run, or an abandoned create of any run."""
        self._revive()
        skipped = {*except_for, *held}
        jobs = [job for job in self.memory.tables.iterate() if job.place not in skipped]
        again = (job for job in jobs if job.epoch == self._epoch and (job.state in states or self._is_old(job)))
        abandoned = (job for job in jobs if self._is_abandoned(job))
        free = (job for job in jobs if self._is_free(job, states) and job.run >= self.run)
        job = next(chain(again, abandoned, free), None)
        if job is None:
            return None
        intent = self.memory.find_open(job.place)
        if intent is not None:
            intent.epoch = self._epoch
        return self._hold(job, self._epoch)

    async def list_due(self, states: Sequence[str], most: int) -> List[Tuple[int, str]]:
        """Return the place and state of jobs that are free, and that were not deferred in the last two leases."""
        since = self.memory.clock() - DUE_AGAIN * self._lease
        deferred = self.memory.deferred
        due = [
            (job.place, str(job.state))
            for job in self.memory.tables.iterate()
            if self._is_free(job, states) and (job.place not in deferred or deferred[job.place] < since)
        ]
        return due[:most]

    async def note_deferred(self, places: Sequence[int]) -> None:
        """Note that an engine has tasks for these jobs."""
        self.memory.deferred.update((place, self.memory.clock()) for place in places)

    async def take_turn(self, name: str, seconds: float) -> bool:
        """Return whether this member does a piece of periodic work now; nobody does it again for so many seconds."""
        now = self.memory.clock()
        if name in self.memory.turns and self.memory.turns[name][1] > now:
            return False
        self.memory.turns[name] = (self._epoch, now + seconds)
        return True

    async def postpone(self, name: str, seconds: float) -> None:
        """Let the next turn of periodic work, if this member still has the turn, be so many seconds from now."""
        if name in self.memory.turns and self.memory.turns[name][0] == self._epoch:
            self.memory.turns[name] = (self._epoch, self.memory.clock() + seconds)

    async def free(self) -> None:
        """Renew the lease of this member, and free the jobs of members whose lease has ended."""
        self.memory.workers[self._epoch] = self.memory.clock() + self._lease
        for job in self.memory.tables.iterate():
            if job.epoch and job.state != JobState.CREATING and not self.memory.is_alive(job.epoch):
                self._release(job)

    async def claim_one(self, place: int) -> StoredJob | None:
        """Claim a job that nobody holds; None if another member holds it."""
        self._revive()
        job = self.memory.tables.read(place)
        if job is None or job.state == JobState.CREATING:
            return None
        is_held = job.epoch not in {0, self._epoch} and self.memory.is_alive(job.epoch)
        return None if is_held else self._hold(job, self._epoch)

    async def give_back(self, place: int) -> None:
        """Let other members claim a job. One whose create is open stays with this member."""
        job = self.memory.tables.read(place)
        if job is not None and job.epoch == self._epoch and job.state != JobState.CREATING:
            self._hold(job, 0)

    async def abandon(self, place: int) -> None:
        """Let other members settle an open create of this one, as if this one had died."""
        job = self.memory.tables.read(place)
        if job is not None and job.epoch == self._epoch:
            self._hold(job, 0)

    async def postpone_settling(self, place: int, seconds: float) -> None:
        """Let nobody settle an open create for a while: its video cannot be searched for now."""
        intent = self.memory.find_open(place)
        if intent is not None:
            intent.settles_after = seconds + self.memory.clock() - intent.sent_at

    async def is_over(self, states: Sequence[str], except_for: Collection[int]) -> bool:
        """Return whether no job of this run is left to work on that this member does not hold."""
        return not any(
            (job.state == JobState.CREATING or job.state in states)
            and job.run >= self.run
            and job.place not in except_for
            and job.epoch != self._epoch
            for job in self.memory.tables.iterate()
        )

    async def touch(self, request_key: str) -> bool:
        """Note that the request of an open intent is about to be sent; False if the intent is not this member's."""
        intent = self._find_mine(request_key)
        if intent is not None:
            intent.sent_at = self.memory.clock()
        return intent is not None

    async def explain(self, video_ids: Sequence[str], request_key: str) -> Explained:
        """Return what all members know about these videos, and whether an open create is still this member's."""
        memory, wanted = self.memory, set(video_ids)
        made = {intent.video_id for intent in memory.intents}
        made |= {stray.video_id for stray in memory.strays if stray.request_key != request_key}
        known = [name for name in video_ids if name in memory.tables.charged or name in made]
        jobs = (job for job in memory.tables.iterate() if job.state == JobState.IN_DOUBT)
        contested = [name for job in jobs for name in job.candidates if name in wanted]
        mine = self._find_mine(request_key)
        own = mine or next((entry for entry in memory.intents if entry.request_key == request_key), None)
        others = (entry for entry in memory.intents if entry is not own)
        has_rival = any(self._is_rival(entry, own, is_held=mine is not None) for entry in others)
        if mine is not None and has_rival:
            contested = [name for name in video_ids if name not in known]
        return Explained(tuple(known), tuple(contested), mine is not None, has_rival and mine is None)

    async def is_anothers(self, video_id: str, request_key: str) -> bool:
        """Return whether the video that answers a create of this process is another create's (see `VideoOwner`)."""
        return self.memory.find_owner(video_id, request_key, self._epoch).is_anothers

    def _is_rival(self, other: MemoryIntent, own: MemoryIntent | None, *, is_held: bool) -> bool:
        """
        Return whether another create may have made the same videos, and has no candidates.

        While this member holds its own create, that can only be one in doubt; otherwise also one that is open.
        """
        is_same = own is None or None in (other.template_id, own.template_id) or other.template_id == own.template_id
        if is_same and other.outcome is None:
            return not is_held
        job = self.memory.tables.read(other.place)
        if job is None or job.state != JobState.IN_DOUBT or job.candidates or other.outcome != "doubt":
            return False
        return is_same and other.sent_at > self.memory.clock() - DOUBT_MATTERS

    async def read_limit(self) -> float | None:
        """Return the credit limit that the members have agreed on; None if there is none."""
        return self.memory.max_credits

    async def find_stray(self, request_key: str) -> str | None:
        """Return the video that a frozen member has recorded for a create after it lost the job."""
        return self.memory.find_stray(request_key)

    async def pause(self, seconds: float) -> None:
        """Wait before the next claim."""
        await asyncio.sleep(seconds)

    def limit_retries(self, seconds: float) -> None:
        """Do nothing: memory is never lost."""

    async def leave(self) -> None:
        """End the lease of this member, and give back what it holds except open creates."""
        memory = self.memory
        memory.workers[self._epoch] = float("-inf")
        for job in memory.tables.iterate():
            if job.epoch == self._epoch and job.state != JobState.CREATING:
                self._release(job)
        memory.turns = {name: turn for name, turn in memory.turns.items() if turn[0] != self._epoch}
        memory.grants = {key: tokens for key, tokens in memory.grants.items() if key[1] != self._epoch}

    def _find_mine(self, request_key: str) -> MemoryIntent | None:
        """Return an open create, if this member holds it."""
        found = (entry for entry in self.memory.intents if entry.request_key == request_key and entry.outcome is None)
        return next((entry for entry in found if entry.epoch == self._epoch), None)

    def _is_abandoned(self, job: StoredJob) -> bool:
        """Return whether a search can settle the open create of a member that is dead."""
        return not self.memory.is_alive(job.epoch) and self._is_old(job)

    def _is_old(self, job: StoredJob) -> bool:
        """Return whether the create of a job is open, and was sent so long ago that a search can settle it."""
        intent = self.memory.find_open(job.place) if job.state == JobState.CREATING else None
        return intent is not None and self.memory.clock() > intent.sent_at + intent.settles_after

    def _revive(self) -> None:
        """Begin a lease that has ended: what is claimed by a member without one is free again at once."""
        if not self.memory.is_alive(self._epoch):
            self.memory.workers[self._epoch] = self.memory.clock() + self._lease

    def _is_free(self, job: StoredJob, states: Collection[str]) -> bool:
        return not job.epoch and job.state in FREE_STATES and job.state in states

    def _release(self, job: StoredJob) -> None:
        """Free a job; its task is due again."""
        self._hold(job, 0)
        self.memory.deferred.pop(job.place, None)

    def _hold(self, job: StoredJob, epoch: int) -> StoredJob:
        return self.memory.tables.write(job, epoch=epoch)

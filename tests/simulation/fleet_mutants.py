"""Weakened rules of fleets, one each: every one brings back a defect that the simulation must find."""

from __future__ import annotations

from typing import Collection, Dict, List, Sequence, Tuple, Type

import attrs

from bluma_async._wire.certainty import Explained
from bluma_async.stores.jobs import Conflict, ConflictKind, Outcome, StoredJob
from bluma_async.stores.memory.claims import MemorySharing
from bluma_async.stores.states import JobState, Verb
from bluma_async.stores.transitions import Change
from tests.simulation.fleet_store import MemberStore

__all__ = ["FLEET_MUTANTS"]


class NoEpochStore(MemberStore):
    """Any process moves any job."""

    def _is_foreign(self, job: StoredJob) -> bool:
        return False


class NoTurnsStore(MemberStore):
    """Processes create from one template at the same time."""

    def _find_rival(self, job: StoredJob, change: Change) -> Conflict | None:
        found = super()._find_rival(job, change)
        return None if found is not None and found.kind is ConflictKind.TURN_TAKEN else found


class LateStore(MemberStore):
    """A process that was stopped after its announcement sends nevertheless."""

    heeds_age = False


class LazySharing(MemorySharing):
    """An attempt is not announced: it is sent whatever became of its create."""

    async def touch(self, request_key: str) -> bool:
        return True


class ExpiringSharing(MemorySharing):
    """The create of a dead process expires: its job is planned again."""

    async def claim(
        self, states: Sequence[str], except_for: Collection[int], held: Collection[int]
    ) -> StoredJob | None:
        for job in self.memory.tables.iterate():
            if self._is_abandoned(job):
                for entry in self.memory.intents:
                    if entry.place == job.place and entry.outcome is None:
                        entry.outcome = "expired"
                self.memory.tables.write(job, state=JobState.PLANNED, epoch=0)
        return await super().claim(states, except_for, held)


class HastySharing(MemorySharing):
    """The create of a dead process is settled at once."""

    def _is_old(self, job: StoredJob) -> bool:
        return self.memory.find_open(job.place) is not None


class IgnorantSharing(MemorySharing):
    """What other processes have made is not known."""

    async def explain(self, video_ids: Sequence[str], request_key: str) -> Explained:
        return Explained()


class StaleSharing(MemorySharing):
    """A process that was frozen concludes from its search, although its create was taken over."""

    async def explain(self, video_ids: Sequence[str], request_key: str) -> Explained:
        return attrs.evolve(await super().explain(video_ids, request_key), is_mine=True)


class StickySharing(MemorySharing):
    """Jobs of dead processes stay with them."""

    async def free(self) -> None:
        self.memory.workers[self._epoch] = self.memory.clock() + self._lease


class TrustingSharing(MemorySharing):
    """The engine is trusted: a job that was deferred once is never due again."""

    async def list_due(self, states: Sequence[str], most: int) -> List[Tuple[int, str]]:
        due = await super().list_due(states, most)
        return [(place, state) for place, state in due if place not in self.memory.deferred]


class CertainSharing(MemorySharing):
    """An answer of the store is never lost: what this process holds, it works on."""

    async def claim(
        self, states: Sequence[str], except_for: Collection[int], held: Collection[int]
    ) -> StoredJob | None:
        return await super().claim(states, except_for, [job.place for job in self.memory.tables.iterate()])


class WaitingSharing(MemorySharing):
    """A run waits for every job that is rendered, although it saves no files."""

    async def is_over(self, states: Sequence[str], except_for: Collection[int]) -> bool:
        return await super().is_over([*states, "rendered"], except_for)


class BelievingSharing(MemorySharing):
    """An answer is believed, whatever other processes have recorded."""

    async def is_anothers(self, video_id: str, request_key: str) -> bool:
        return False


class BelievingStore(MemberStore):
    """A bill is recorded, whatever other jobs have."""

    sharing_class = BelievingSharing

    def move(self, place: int, change: Change, *, is_repeated: bool = False) -> Outcome:
        hidden = self._tables.charged
        if change.verb is Verb.BILL:
            self._tables.charged = {}
        try:
            return super().move(place, change, is_repeated=is_repeated)
        finally:
            self._tables.charged = {**hidden, **self._tables.charged}


def with_sharing(sharing: Type[MemorySharing]) -> Type[MemberStore]:
    """Return a store whose members share its jobs by other rules."""

    class Store(MemberStore):
        sharing_class = sharing

    return Store


FLEET_MUTANTS: Dict[str, Type[MemberStore]] = {
    "any process moves any job": NoEpochStore,
    "templates have no turns among processes": NoTurnsStore,
    "an announcement is never too old": LateStore,
    "an attempt is sent without a check": with_sharing(LazySharing),
    "an open create expires": with_sharing(ExpiringSharing),
    "an open create is settled at once": with_sharing(HastySharing),
    "the videos of other processes are unknown": with_sharing(IgnorantSharing),
    "a search of a frozen process counts": with_sharing(StaleSharing),
    "an answer is believed": BelievingStore,
    "jobs stay with dead processes": with_sharing(StickySharing),
    "the engine loses nothing": with_sharing(TrustingSharing),
    "the store's answers are never lost": with_sharing(CertainSharing),
    "a run without files waits for files": with_sharing(WaitingSharing),
}

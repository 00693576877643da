"""
Read generations for the poller.

Rule 1: a generation that is missing in a bulk answer may only be late. After three misses it is read alone; it is
reported as not found only if it was created at least `GRACE` seconds ago.
Rule 2: when one invalid id makes a bulk read fail, the ids are halved until the invalid one is alone.
Rule 3: a generation that succeeded without a file is polled again, up to three times: the file can be late.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Dict, Hashable, Mapping, Sequence, Union

import attrs

from bluma_async.errors import APIError, AuthenticationError, ForbiddenError, NotFoundError
from bluma_async.types import GenerationState
from bluma_async.waiting.pace import Pace
from bluma_async.waiting.timeouts import build_timeout_error

if TYPE_CHECKING:
    from bluma_async._session.pauses import BudgetPause
    from bluma_async._session.session import Session
    from bluma_async.errors import WaitTimeoutError
    from bluma_async.luma.adapter import Adapter
    from bluma_async.types import Generation
    from bluma_async.waiting.contact import Contact

__all__ = ["GenerationSource", "LocalRecord"]

Outcome = Union["Generation", APIError, None]
GRACE = 30.0  # seconds after a create in which the provider may not know the id yet
MAX_MISSES = 3
MAX_READS_WITHOUT_FILE = 3
MAX_RECORDS = 10_000  # a longer memory would grow without a limit in a service that never restarts
INVALID_ID = frozenset((400, 404, 422))  # statuses of a bulk read that contains an invalid id


@attrs.define
class LocalRecord:
    """The facts about a generation that only this client knows: the provider does not return them."""

    since: float
    misses: int = 0
    reads_without_file: int = 0
    kind: str | None = None
    parent_id: str | None = None
    prompt: str | None = None
    ratio: str | None = None


class GenerationSource:
    """The generations of one account with a provider, as a `Source` of the poller."""

    def __init__(self, session: Session, adapter: Adapter, records: Dict[str, LocalRecord]) -> None:
        self._session = session
        self._adapter = adapter
        self._records = records  # one dict for all copies of a client: a copy knows what its original created

    @property
    def group(self) -> Hashable:
        """The account: the base URL and the key."""
        return self._session.options.base_url, self._session.api_key

    @property
    def jobs_per_poll(self) -> int:
        """The number of generations that one request can read."""
        return self._adapter.capabilities.max_bulk

    def remember(self, started: Generation, ratio: str | None) -> None:
        """Keep the arguments of a create: the provider does not return them."""
        record = self._get_record(started.id)
        record.kind, record.parent_id, record.prompt = started.kind, started.parent_id, started.prompt
        record.ratio = ratio

    def find_ratio(self, generation_id: str) -> str | None:
        """Return the aspect ratio of a generation, if this client created it, or None."""
        return self._records[generation_id].ratio if generation_id in self._records else None

    async def read(self, generation_id: str) -> Generation:
        """
        Return the current state of a generation.

        Raises:
            NotFoundError: The provider does not know the id, or does not know it yet.
        """
        found = await self._session.send(self._adapter.build_read([generation_id]))
        if generation_id not in found:
            raise self._not_found(generation_id)
        return self._complete(found[generation_id])

    async def poll(self, job_ids: Sequence[str], within: float) -> Mapping[str, Outcome]:
        """Read several generations."""
        try:
            found = await self._session.send(self._adapter.build_read(job_ids), within=within)
        except APIError as refusal:
            if refusal.status not in INVALID_ID or isinstance(refusal, (AuthenticationError, ForbiddenError)):
                raise
            return await self._read_halves(job_ids, within, refusal)
        is_alone = len(job_ids) == 1
        outcomes = {job_id: self._judge(job_id, found.get(job_id), alone=is_alone) for job_id in job_ids}
        for job_id in [] if is_alone else [name for name in job_ids if self._get_record(name).misses >= MAX_MISSES]:
            outcomes.update(await self.poll([job_id], within))
        return outcomes

    async def list_active(self, most_pages: int, within: float) -> None:
        """Return None: no provider lists generations."""

    def merge_event(self, last: Generation | None, event: Any) -> None:
        """Return None: a callback is untrusted, so it only makes the poller read the generation."""

    def is_final(self, state: Generation) -> bool:
        """Whether the generation succeeded or failed."""
        return state.state.is_final

    def status(self, state: Generation) -> str:
        """Return the provider's own word for the state, or the common one if it has none."""
        return str(state.state if state.raw_state is None else state.raw_state)

    def is_known(self, state: Generation) -> bool:
        """Whether this version knows the provider's word: an unknown state is polled further."""
        return state.state != GenerationState.UNKNOWN

    def progress(self, state: Generation) -> None:
        """Return None: no provider reports progress."""

    def timeout_error(self, job_id: str, last: Generation | None, timeout: float, contact: Contact) -> WaitTimeoutError:
        """Return the error for a wait that timed out, with the last known state of the generation."""
        seen = None if last is None else f"{last.state}, {last.raw_state!r}"
        outlook = "The generation continues"
        if last is not None and not self.is_known(last):
            outlook = f"If that is final, pass final_statuses=[{self.status(last)!r}]"
        return build_timeout_error(
            f"generation {job_id}", timeout, contact, seen=seen, outlook=outlook, video_id=job_id, last=last
        )

    def pace(self) -> Pace:
        """Return a pace without a limit: no provider reports one."""
        return Pace()

    def report_pause(self, pause: BudgetPause) -> None:
        """Do nothing: a pace without a limit has no pause."""

    async def _read_halves(self, job_ids: Sequence[str], within: float, refusal: APIError) -> Mapping[str, Outcome]:
        if len(job_ids) == 1:
            is_unknown = isinstance(refusal, NotFoundError)
            return {job_ids[0]: self._count_miss(job_ids[0], alone=True) if is_unknown else refusal}
        half = len(job_ids) // 2
        return {**await self.poll(job_ids[:half], within), **await self.poll(job_ids[half:], within)}

    def _judge(self, job_id: str, generation: Generation | None, *, alone: bool) -> Outcome:
        """Return the state to report for a generation in an answer; `alone` if the answer was about it only."""
        if generation is None:
            return self._count_miss(job_id, alone=alone)
        generation, record = self._complete(generation), self._get_record(job_id)
        record.misses = 0
        if generation.state != GenerationState.SUCCEEDED or generation.videos:
            return generation
        record.reads_without_file += 1
        if record.reads_without_file < MAX_READS_WITHOUT_FILE:
            return _replace(generation, state=GenerationState.RUNNING)
        return _replace(generation, result_missing=True)

    def _count_miss(self, job_id: str, *, alone: bool) -> APIError | None:
        record = self._get_record(job_id)
        record.misses += 1
        is_new = self._session.shared.clock.now() - record.since < GRACE
        return self._not_found(job_id) if alone and not is_new else None

    def _complete(self, generation: Generation) -> Generation:
        """Add the arguments of the create, which the provider does not return."""
        record = self._get_record(generation.id)
        return _replace(
            generation,
            kind=record.kind or generation.kind,
            parent_id=record.parent_id,
            prompt=generation.prompt or record.prompt,
        )

    def _get_record(self, job_id: str) -> LocalRecord:
        if job_id not in self._records:
            while len(self._records) >= MAX_RECORDS:
                del self._records[next(iter(self._records))]  # the oldest one
            self._records[job_id] = LocalRecord(self._session.shared.clock.now())
        return self._records[job_id]

    def _not_found(self, job_id: str) -> NotFoundError:
        return NotFoundError(f"{self._adapter.name} knows no generation {job_id}.", status=404)


def _replace(generation: Generation, **changes: Any) -> Generation:
    replaced: Generation = dataclasses.replace(generation, **changes)
    return replaced

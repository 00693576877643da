"""
Generations as something to wait for.

Rule 1: what a bulk answer leaves out was not seen. After three times, and some time after its create, it is asked for
alone, and is not found.
Rule 2: a request that one id spoils is divided until that one is alone.
Rule 3: who succeeded without a file is looked at again, a few times.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Dict, Hashable, Mapping, Sequence, Union

import attrs

from bluma_async.errors import APIError, AuthenticationError, ForbiddenError, NotFoundError, WaitTimeoutError
from bluma_async.types import GenerationState
from bluma_async.waiting.pace import Pace

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async.luma.adapter import Adapter
    from bluma_async.types import Generation

__all__ = ["GenerationSource", "Memory"]

Outcome = Union["Generation", APIError, None]
GRACE = 30.0  # seconds after a create in which nobody may know of it
MISSES = 3
FILELESS = 3  # reads
MOST = 10_000  # generations that something is remembered of
SPOILS = frozenset((400, 404, 422))


@attrs.define
class Memory:
    """What is known of a generation beside what its provider says."""

    since: float
    misses: int = 0
    fileless: int = 0
    kind: str | None = None
    parent_id: str | None = None
    prompt: str | None = None
    ratio: str | None = None


class GenerationSource:
    """The generations of one account with a provider."""

    def __init__(self, session: Session, adapter: Adapter, memories: Dict[str, Memory]) -> None:
        self._session = session
        self._adapter = adapter
        self._memories = memories  # those of all copies of a client

    @property
    def group(self) -> Hashable:
        """The account: whose key it is, and where."""
        return self._session.options.base_url, self._session.options.api_key

    @property
    def jobs_per_poll(self) -> int:
        """How many one request can read."""
        return self._adapter.capabilities.max_bulk

    def remember(self, made: Generation, ratio: str | None) -> None:
        """Note what was asked for: providers forget it."""
        memory = self._memory(made.id)
        memory.kind, memory.parent_id, memory.prompt, memory.ratio = made.kind, made.parent_id, made.prompt, ratio

    def ratio_of(self, generation_id: str) -> str | None:
        """Return the aspect ratio that was asked for, if this client asked."""
        return self._memories[generation_id].ratio if generation_id in self._memories else None

    async def read(self, generation_id: str) -> Generation:
        """
        Read one, as it is now.

        Raises:
            NotFoundError: The provider does not know it, or not yet.
        """
        found = await self._session.send(self._adapter.read([generation_id]))
        if generation_id not in found:
            raise self._unknown(generation_id)
        return self._known(found[generation_id])

    async def poll(self, job_ids: Sequence[str], within: float) -> Mapping[str, Outcome]:
        """Read several."""
        try:
            found = await self._session.send(self._adapter.read(job_ids), within=within)
        except APIError as refusal:
            if refusal.status not in SPOILS or isinstance(refusal, (AuthenticationError, ForbiddenError)):
                raise
            return await self._divided(job_ids, within, refusal)
        is_alone = len(job_ids) == 1
        outcomes = {job_id: self._seen(job_id, found.get(job_id), alone=is_alone) for job_id in job_ids}
        for job_id in [] if is_alone else [name for name in job_ids if self._memory(name).misses >= MISSES]:
            outcomes.update(await self.poll([job_id], within))
        return outcomes

    async def list_active(self, most_pages: int, within: float) -> None:
        """Return nothing: no provider lists them."""

    def merge_event(self, last: Generation | None, event: Any) -> None:
        """Return None: a callback is a reason to poll, and no more."""

    def is_final(self, state: Generation) -> bool:
        """Whether it has succeeded, or failed."""
        return state.state.is_final

    def progress(self, state: Generation) -> None:
        """Return nothing: no provider tells."""

    def timeout_error(self, job_id: str, last: Generation | None, timeout: float) -> WaitTimeoutError:
        """Say what was seen last."""
        seen = f"last seen: {last.state}, {last.raw_state!r}" if last else "never seen"
        return WaitTimeoutError(
            f"Waiting timed out: generation {job_id} was not finished after {timeout:g} s ({seen}). It goes on; wait "
            "again with its id.",
            video_id=job_id,
            last=last,
        )

    def pace(self) -> Pace:
        """How fast one may ask."""
        return Pace()

    async def _divided(self, job_ids: Sequence[str], within: float, refusal: APIError) -> Mapping[str, Outcome]:
        if len(job_ids) == 1:
            is_unknown = isinstance(refusal, NotFoundError)
            return {job_ids[0]: self._missed(job_ids[0], alone=True) if is_unknown else refusal}
        half = len(job_ids) // 2
        return {**await self.poll(job_ids[:half], within), **await self.poll(job_ids[half:], within)}

    def _seen(self, job_id: str, generation: Generation | None, *, alone: bool) -> Outcome:
        if generation is None:
            return self._missed(job_id, alone=alone)
        generation, memory = self._known(generation), self._memory(job_id)
        memory.misses = 0
        if generation.state != GenerationState.SUCCEEDED or generation.videos:
            return generation
        memory.fileless += 1
        if memory.fileless < FILELESS:
            return _with(generation, state=GenerationState.RUNNING)
        return _with(generation, result_missing=True)

    def _missed(self, job_id: str, *, alone: bool) -> APIError | None:
        memory = self._memory(job_id)
        memory.misses += 1
        is_young = self._session.shared.clock.now() - memory.since < GRACE
        return self._unknown(job_id) if alone and not is_young else None

    def _known(self, generation: Generation) -> Generation:
        memory = self._memory(generation.id)
        return _with(
            generation,
            kind=memory.kind or generation.kind,
            parent_id=memory.parent_id,
            prompt=generation.prompt or memory.prompt,
        )

    def _memory(self, job_id: str) -> Memory:
        if job_id not in self._memories:
            while len(self._memories) >= MOST:
                del self._memories[next(iter(self._memories))]
            self._memories[job_id] = Memory(self._session.shared.clock.now())
        return self._memories[job_id]

    def _unknown(self, job_id: str) -> NotFoundError:
        return NotFoundError(f"{self._adapter.name} knows no generation {job_id}.", status=404)


def _with(generation: Generation, **changes: Any) -> Generation:
    made: Generation = dataclasses.replace(generation, **changes)
    return made

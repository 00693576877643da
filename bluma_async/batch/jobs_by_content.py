"""
Find the jobs of a journal by their content, whatever their keys are.

Rule 1: `_wire/content.py` says which jobs have the same content.
Rule 2: the index holds a hash of 64 bits for each job, and no content. A job that it finds is read and compared, so
that equal hashes of different contents do no harm.
Rule 3: jobs that another process has submitted meanwhile are read before each search.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Dict, List

from bluma_async._runtime.threads import in_thread
from bluma_async._wire.content import build_content, is_same_content
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.stores.jobs import StoredJob
    from bluma_async.stores.ports import JobStore

__all__ = ["JobsByContent"]


class JobsByContent:
    """The contents of the jobs of one journal. About 200 bytes of memory for each job."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._places: Dict[int, List[int]] = {}  # by the hash of the content
        self._last = 0  # the place up to which the journal was read

    async def refresh(self) -> None:
        """Read the jobs that are new in the journal; at first all of them."""
        while page := await self._store.list_jobs(None, self._last):
            await in_thread(self._add_all, page)
            self._last = page[-1].place

    def note(self, job: StoredJob) -> None:
        """Record the content of a job that may have been corrected."""
        self._add_all([job])

    async def find(self, body: str) -> StoredJob | None:
        """Return the first job with the content of a body that has not failed, or else the first one that has."""
        await self.refresh()
        wanted, failed = json.loads(body), None
        for place in self._places.get(hash(build_content(wanted)), ()):
            job = await self._store.read(place)
            if job is None or not is_same_content(job.arguments, wanted):
                continue
            if job.state != JobState.FAILED:
                return job
            failed = failed or job
        return failed

    def _add_all(self, jobs: List[StoredJob]) -> None:
        for job in jobs:
            places = self._places.setdefault(hash(build_content(job.arguments)), [])
            if job.place not in places[-1:]:
                places.append(job.place)

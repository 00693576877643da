"""
Plan a batch without running it: read the rows, ask the journal which jobs it has, and the API what the others cost.

Rule 1: nothing is created, and the journal is only read; a run may be using it.
Rule 2: rows are read in chunks, so that memory stays flat; a template is read when its first row comes.
"""

from __future__ import annotations

import contextlib
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, AsyncIterator, Iterable, Iterator, List, Mapping, Sequence, Tuple

import attrs

from bluma_async._runtime.threads import in_thread
from bluma_async._wire.content import build_content, hash_content
from bluma_async.batch.catalog import Catalog
from bluma_async.batch.conflicts import build_plan_error
from bluma_async.batch.costs import complete_plan
from bluma_async.batch.credit_limit import CreditLimit
from bluma_async.batch.row_checks import RowChecks
from bluma_async.batch.row_sorter import CsvSorter, RowSorter
from bluma_async.batch.rows import open_csv
from bluma_async.batch.sources import JOB, find_source, hold_pipe, read_stream
from bluma_async.batch.tally import Fate, Kind, Tally
from bluma_async.resources._creates.reuse import ContentReuse
from bluma_async.stores.states import JobState
from bluma_async.stores.transitions import find_plan_conflict

if TYPE_CHECKING:
    from pathlib import Path

    from bluma_async.batch.api import BatchApi
    from bluma_async.batch.options import BatchOptions
    from bluma_async.batch.parsing import ParsedRow
    from bluma_async.batch.plans import BatchPlan
    from bluma_async.batch.rows import Row
    from bluma_async.batch.sources import Jobs, Source
    from bluma_async.stores.jobs import Job, StoredJob
    from bluma_async.stores.ports import JobStore

__all__ = ["Planner"]

CHUNK = 1000  # rows that are in memory at a time
SPAN = 20_000  # rows of a CSV file that are sorted, one by one, before a cancellation is noticed
NO_RUN = -1  # no row of this plan is in the journal because of this plan
FATES: Mapping[JobState, Fate] = {
    JobState.PLANNED: Fate.NEW,
    JobState.CREATING: Fate.UNFINISHED,
    JobState.RENDERING: Fate.UNFINISHED,
    JobState.RENDERED: Fate.UNFINISHED,
    JobState.SAVED: Fate.UNFINISHED,  # its file is missing; otherwise it is done
    JobState.FAILED: Fate.LEFT,
    JobState.IN_DOUBT: Fate.LEFT,
}
Rows = List[Tuple[int, Any]]


class Planner:
    """Plans one batch, once."""

    def __init__(self, options: BatchOptions, api: BatchApi, store: JobStore | None) -> None:
        """
        Set up a planner.

        Args:
            options: The options of the batch.
            api: The API.
            store: The journal, if there is one.
        """
        self._options = options
        self._session = api.session
        self._store = store
        self._catalog = Catalog(api, CreditLimit(None, 0))
        self._checks = RowChecks(api.session, self._catalog)
        self._contents = ContentReuse(api.session)
        self._tally = Tally(JOB, reuses=self._contents.is_wanted)
        self._sorter = RowSorter(self._tally, self._checks)

    async def plan(self, jobs: Jobs) -> BatchPlan:
        """
        Return the plan of jobs; None plans all jobs of the journal.

        Raises:
            InvalidArgumentError: The file cannot be parsed at all.
            BlumaError: The API cannot be reached, or the disk is full.
        """
        try:
            await self._count(jobs)
            await in_thread(self._tally.finish)
            return await complete_plan(self._session, self._catalog, self._options, self._tally)
        finally:
            self._tally.close()

    async def _count(self, jobs: Jobs) -> None:
        source = find_source(jobs)
        if source is not None:
            source = await hold_pipe(source)
            self._tally.label = source.label
        if jobs is None:
            await self._count_journal()
        elif await self._needs_keys():
            async for rows in _read_chunks(source, jobs):
                await self._prepare(_list_templates(rows))
                await self._compare(rows)
        elif source is not None and source.file is not None and source.file.suffix.lower() == ".csv":
            await self._sort_csv(source.file)
        else:
            async for rows in _read_chunks(source, jobs):
                await self._sort(self._sorter, iter(rows))

    async def _needs_keys(self) -> bool:
        """Return whether jobs must be looked up: in the journal, among the files, or in the index of contents."""
        if self._contents.is_wanted:
            return True
        if self._store is not None and await self._store.list_jobs(None, 0):
            return True
        found: bool = await in_thread(self._options.has_any_file)
        return found

    async def _count_journal(self) -> None:
        after, store = 0, self._store
        while store is not None and (page := await store.list_jobs(None, after)):
            await self._prepare([job.template_id for job in page])
            bought = await self._find_bought([job.arguments for job in page])
            for job, fate in zip(page, await in_thread(self._find_fates, page)):
                self._count_job(job, fate, bought)
            after = page[-1].place

    def _count_job(self, job: StoredJob, fate: Fate, bought: Mapping[str, str]) -> None:
        options = str(job.arguments.get("options"))
        kind = Kind(job.template_id, job.arguments.get("variant_id"), job.resolution, options)
        is_bought = fate is Fate.NEW and bought and hash_content(job.arguments) in bought
        slot = self._tally.find_slot(kind, Fate.REUSED if is_bought else fate, has_key=True)
        self._tally.counts[slot] += 1
        if self._contents.is_wanted and fate is not Fate.LEFT:  # then a run buys jobs of one content once
            self._tally.contents.add(hash(build_content(job.arguments)), job.place, slot)

    async def _find_bought(self, bodies: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
        """Return the recorded videos of the contents of creates, if the client wants to reuse videos."""
        if not self._contents.is_wanted:
            return {}
        contents = [hash_content(body) for body in bodies]
        return await self._contents.find_known([content for content in contents if content is not None])

    async def _sort_csv(self, file: Path) -> None:
        with contextlib.ExitStack() as opened:
            header, rows = await in_thread(opened.enter_context, open_csv(file))
            sorter = CsvSorter(self._tally, self._checks, header)
            while (row := await in_thread(next, rows, None)) is not None:
                await self._sort(sorter, chain([row], islice(rows, SPAN - 1)))

    async def _sort(self, sorter: RowSorter, rows: Iterator[Row]) -> None:
        while (stop := await in_thread(sorter.sort, rows)) is not None:
            name, rows = stop
            await self._catalog.prepare([name], must_read=True)
            sorter.read.add(name)

    async def _compare(self, rows: Rows) -> None:
        """Count rows of which the journal may have some, or whose files may exist."""
        parsed = await in_thread(self._parse, rows)
        found: Mapping[str, StoredJob] = {}
        if self._store is not None:
            found = await self._store.find_all([job.key for _, _, job in parsed])
        bought = await self._find_bought([row.arguments for _, row, _ in parsed])
        await in_thread(self._place, parsed, found, bought)

    def _parse(self, rows: Rows) -> List[Tuple[int, ParsedRow, Job]]:
        checked = ((number, self._sorter.check(number, row)) for number, row in rows)
        return [(number, row, self._make_job(row)) for number, row in checked if row is not None]

    def _make_job(self, row: ParsedRow) -> Job:
        job = row.to_job()
        return attrs.evolve(job, has_file=True) if self._options.has_file(job.key) else job

    def _place(
        self, parsed: List[Tuple[int, ParsedRow, Job]], found: Mapping[str, StoredJob], bought: Mapping[str, str]
    ) -> None:
        same = [found[job.key] for _, _, job in parsed if job.key in found and found[job.key].body == job.body]
        fates = dict(zip((stored.place for stored in same), self._find_fates(same)))
        for number, row, job in parsed:
            stored = found.get(job.key)
            conflict = find_plan_conflict(job, stored, NO_RUN)
            if conflict is not None:
                self._tally.refuse(number, str(build_plan_error(conflict)))
            else:
                fate = Fate.NEW if stored is None else fates.get(stored.place, Fate.NEW)
                is_bought = fate is Fate.NEW and bought and hash_content(row.arguments) in bought
                self._sorter.count(number, row, Fate.REUSED if is_bought else fate)

    def _find_fates(self, jobs: Sequence[StoredJob]) -> List[Fate]:
        """Return what a run would do with stored jobs. Blocks: it looks at files."""
        return [Fate.DONE if self._is_done(job) else FATES[job.state] for job in jobs]

    def _is_done(self, job: StoredJob) -> bool:
        if self._options.saves_files:
            return job.state == JobState.SAVED and self._options.is_complete(job.path, job.size)
        return job.state in (JobState.RENDERED, JobState.SAVED)

    async def _prepare(self, template_ids: Iterable[object]) -> None:
        names = {name for name in template_ids if isinstance(name, str) and name.strip()} - self._sorter.read
        await self._catalog.prepare(sorted(names), must_read=True)
        self._sorter.read |= names


async def _read_chunks(source: Source | None, jobs: Jobs) -> AsyncIterator[Rows]:
    if source is not None:
        rows = source.read()
        while taken := await in_thread(_take, rows):
            yield taken
        return
    number = 0
    chunk: Rows = []
    async for row in read_stream(jobs):  # type: ignore[arg-type]  # it is neither a file nor None
        number += 1
        chunk.append((number, row))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    yield chunk


def _take(rows: Iterator[Any]) -> Rows:
    return list(islice(rows, CHUNK))


def _list_templates(rows: Rows) -> List[object]:
    return [row.get("template_id") for _, row in rows if isinstance(row, (dict, Mapping))]  # pyright: ignore[reportUnknownMemberType]  # a user's mapping has no types

"""Remember the jobs of a batch in a SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Collection, Iterable, List, Mapping, Sequence

from bluma_async.stores.jobs import Conflict
from bluma_async.stores.sqlite import plans, queries
from bluma_async.stores.sqlite.file import JournalFile
from bluma_async.stores.sqlite.writes import Writer, write_meta
from bluma_async.stores.states import JobState, Verb, list_sources
from bluma_async.stores.transitions import REPLAN, JobVerbs, check_change
from bluma_async.types._model import utc_now

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime
    from pathlib import Path

    from bluma_async.stores.jobs import (
        BatchStatus,
        HistoryLine,
        Job,
        LedgerLine,
        Outcome,
        Plan,
        PlanRow,
        StoredJob,
        WantedTemplate,
    )
    from bluma_async.stores.sharing import Sharing
    from bluma_async.stores.transitions import Change

__all__ = ["SQLiteJobStore"]


class SQLiteJobStore(JobVerbs):
    """A `JobStore` in a SQLite file, for one writing process and any number of readers."""

    sharing: Sharing | None = None

    def __init__(self, file: JournalFile, now: Callable[[], datetime]) -> None:
        self._file = file
        self._writer = Writer(now)

    @classmethod
    async def open(
        cls, path: Path, *, to_write: bool, only_plans: bool = False, now: Callable[[], datetime] = utc_now
    ) -> SQLiteJobStore:
        """
        Open the store.

        Args:
            path: The file.
            to_write: Whether verbs are to be used. The file is then created if it is missing.
            only_plans: Whether `submit` is the only verb, which may be used while another process runs the jobs.
            now: Returns the present time, for the history of jobs.

        Raises:
            InvalidArgumentError: The file is missing, is not a journal, or was written by a newer version.
            BlumaError: Another process runs its jobs, or the disk refuses.
        """
        return cls(await JournalFile.open(path, to_write=to_write, is_shared=only_plans), now)

    @property
    def name(self) -> str:
        """The path of the file."""
        return str(self._file.path)

    async def plan_all(self, rows: Iterable[PlanRow], *, most: int) -> Plan:
        """Begin a run with these jobs: all of them are planned, or if any row is refused, none."""
        return await self._file.do_once(plans.plan_all, self._writer, rows, most)

    async def submit(self, rows: Iterable[PlanRow], *, most: int) -> Plan:
        """Add jobs without a run: all of them are planned, or if any row is refused, none."""
        return await self._file.do_once(plans.submit, self._writer, rows, most)

    async def begin_run(self) -> None:
        """Begin a run without jobs; `plan` adds them."""
        await self._file.do(plans.begin_run)

    async def resume(self) -> None:
        """Begin a run with all jobs of the store."""
        await self._file.do(plans.resume)

    async def plan(self, job: Job) -> Outcome:
        """Add a job to the present run."""
        return await self._file.do(plans.plan_one, self._writer, job)

    async def forget(self, mark: int) -> None:
        """Delete the jobs above the mark that the present run has planned. Jobs that were submitted meanwhile stay."""
        await self._file.do(plans.forget, mark)

    async def replan(self, states: Collection[JobState]) -> int:
        """Plan all jobs in these states again, where the table allows it; return how many."""
        return await self._file.do(_replan, self._writer, states)

    async def read(self, place: int) -> StoredJob | None:
        """Return a job by its place."""
        return await self._file.do(queries.read_job, place)

    async def find(self, key: str) -> StoredJob | None:
        """Return a job by its key."""
        return await self._file.do(queries.find_job, key)

    async def find_all(self, keys: Sequence[str]) -> Mapping[str, StoredJob]:
        """Return the jobs that have one of these keys."""
        return await self._file.do(queries.find_jobs, keys)

    async def to_do(self, after: int) -> List[StoredJob]:
        """Return the next jobs of the present run that have not failed and are not in doubt."""
        return await self._file.do(queries.read_to_do, after)

    async def list_jobs(self, state: str | None, after: int) -> List[StoredJob]:
        """Return the next jobs in one state, or in any."""
        return await self._file.do(queries.read_page, state, after)

    async def list_creating(self) -> List[StoredJob]:
        """Return the jobs whose create has an intent and no outcome."""
        return await self._file.do(queries.read_in_state, JobState.CREATING)

    async def list_wanted_templates(self) -> List[WantedTemplate]:
        """Return the templates and resolutions that the planned jobs of the present run need."""
        return await self._file.do(queries.read_wanted_templates)

    async def list_recent_videos(self, most: int) -> List[str]:
        """Return the ids of the jobs' videos, the most recent create first."""
        return await self._file.do(queries.read_recent_videos, most)

    async def list_candidates(self) -> List[str]:
        """Return the ids of all candidates of jobs in doubt."""
        return await self._file.do(queries.read_candidates)

    async def is_billed(self, video_id: str) -> bool:
        """Return whether a video is in the ledger."""
        return await self._file.do(queries.is_billed, video_id)

    async def statistics(self) -> BatchStatus:
        """Count the jobs in each state, and sum the ledger."""
        return await self._file.do(queries.read_statistics)

    async def list_ledger(self, after: str) -> List[LedgerLine]:
        """Return the next lines of the ledger, in the order of the videos' ids; the page begins behind an id."""
        return await self._file.do(queries.read_ledger, after)

    async def read_first_create(self) -> datetime | None:
        """Return when the first create was announced, by the clock of its process; None before it."""
        return await self._file.do(queries.read_first_create)

    async def find_announced(self, video_ids: Sequence[str]) -> Mapping[str, datetime]:
        """Return when the creates of these videos were announced, as far as a job has them; at most 200 videos."""
        return await self._file.do(lambda db: queries.find_announced(db, video_ids))

    async def history(self, place: int) -> List[HistoryLine]:
        """Return the steps of a job, the first one first."""
        return await self._file.do(queries.read_history, place)

    async def read_account(self) -> str | None:
        """Return the fingerprint of the account; None before the first run."""
        return await self._file.do(queries.read_meta, "account")

    async def write_account(self, fingerprint: str) -> None:
        """Record the fingerprint of the account."""
        await self._file.do(write_meta, "account", fingerprint)

    async def read_preset(self, template_id: str) -> str | None:
        """Return the private variant of a template; None before the first."""
        return await self._file.do(queries.read_meta, f"preset {template_id}")

    async def write_preset(self, template_id: str, variant_id: str) -> None:
        """Record the private variant of a template."""
        await self._file.do(write_meta, f"preset {template_id}", variant_id)

    async def agree(self, max_credits: float | None, out: str | None) -> None:
        """Do nothing: one process uses the store."""

    async def close(self) -> None:
        """Close the file and release its lock, also when cancelled."""
        await self._file.close()

    async def _move(self, place: int, change: Change) -> Outcome:
        return await self._file.do(_move, self._writer, place, change)


def _move(db: sqlite3.Connection, writer: Writer, place: int, change: Change) -> Outcome:
    is_billed = change.bill is not None and queries.is_billed(db, change.bill.video_id)
    job = check_change(change, queries.read_job(db, place), is_billed=is_billed)
    return job if isinstance(job, Conflict) else writer.write(db, job, change)


def _replan(db: sqlite3.Connection, writer: Writer, states: Collection[JobState]) -> int:
    wanted = [state for state in states if state in list_sources(Verb.REPLAN)]
    jobs = [job for state in wanted for job in queries.read_in_state(db, state)]
    for job in jobs:
        writer.write(db, job, REPLAN)
    return len(jobs)

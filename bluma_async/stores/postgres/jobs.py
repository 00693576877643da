"""
Remember the jobs of a batch in PostgreSQL, for any number of processes and machines.

Rule: a job's state, the line of its history, its intent and its bill are written in one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Awaitable, Callable, Collection, Iterable, List, Mapping, Sequence, TypeVar

from bluma_async._runtime.threads import in_thread
from bluma_async.stores.folders import is_absolute, is_same_folder, name_folder
from bluma_async.stores.holders import build_folder_error
from bluma_async.stores.postgres import plans, queries, views
from bluma_async.stores.postgres.accounts import write_account
from bluma_async.stores.postgres.claims import PostgresSharing
from bluma_async.stores.postgres.database import LONGEST, Database
from bluma_async.stores.postgres.member import LEASE, Member
from bluma_async.stores.postgres.rows import execute
from bluma_async.stores.postgres.writes import Writer, move_job, replan_job
from bluma_async.stores.states import JobState, Verb, list_sources
from bluma_async.stores.transitions import JobVerbs
from bluma_async.types._model import utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.stores.fleet_view import FleetView
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
    from bluma_async.stores.postgres.rows import Connection
    from bluma_async.stores.transitions import Change

__all__ = ["PostgresJobStore"]

T = TypeVar("T")
DAY = 86400.0  # seconds; rows may come from a slow source


class PostgresJobStore(JobVerbs):
    """A `JobStore` in a PostgreSQL database, for any number of writers and readers."""

    def __init__(self, database: Database, member: Member | None, now: Callable[[], datetime]) -> None:
        self._database = database
        self.member = member
        self._writer = Writer(0 if member is None else member.epoch, now)
        self.sharing: PostgresSharing | None = None if member is None else PostgresSharing(member)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        to_write: bool,
        only_plans: bool = False,
        now: Callable[[], datetime] = utc_now,
        lease: float = LEASE,
    ) -> PostgresJobStore:
        """
        Open the store.

        Args:
            url: The URL of the database, such as `postgresql://user@host:5432/name`.
            to_write: Whether verbs are to be used. The tables are then created or migrated if necessary.
            only_plans: Whether `submit` is the only verb. The process then holds no jobs.
            now: Returns the present time, for the history of jobs.
            lease: Seconds after its last sign of life for which this process holds its jobs.

        Raises:
            InvalidArgumentError: The URL is invalid, the extra is missing, or the tables are missing or newer.
            BlumaError: The database cannot be reached, or this user may not use it.
        """
        if not to_write or only_plans:
            return cls(await Database.open(url, to_write=to_write), None, now)
        member = await Member.join(url, lease)
        return cls(member.database, member, now)

    @property
    def database(self) -> Database:
        """The database, and its connections."""
        return self._database

    @property
    def name(self) -> str:
        """The database, without its password."""
        return self._database.name

    async def plan_all(self, rows: Iterable[PlanRow], *, most: int) -> Plan:
        """Begin a run with these jobs: all of them are planned, or if any row is refused, none."""

        async def work(db: Connection, _: bool) -> Plan:
            run = await plans.begin_run(db)
            plan = await plans.plan_all(db, self._writer, run, rows, most)
            self._set_run(run)
            return plan

        return await self._plan(work)

    async def submit(self, rows: Iterable[PlanRow], *, most: int) -> Plan:
        """Add jobs without a run: all of them are planned, or if any row is refused, none."""

        async def work(db: Connection, _: bool) -> Plan:
            return await plans.submit(db, self._writer, rows, most)

        return await self._plan(work)

    async def begin_run(self) -> None:
        """Begin a run without jobs; `plan` adds them."""
        self._set_run(await self._do(plans.begin_run))

    async def resume(self) -> None:
        """Begin a run with all jobs of the store."""
        self._set_run(await self._do(plans.resume))

    async def plan(self, job: Job) -> Outcome:
        """Add a job to the present run."""
        return await self._do(lambda db: plans.plan_one(db, self._writer, self._run, job))

    async def forget(self, mark: int) -> None:
        """Delete the jobs above the mark that this run has planned. Jobs that were submitted meanwhile stay."""
        await self._do(lambda db: plans.forget(db, self._run, mark))

    async def replan(self, states: Collection[JobState]) -> int:
        """Plan all jobs in these states again, where the table allows it; return how many."""
        wanted = [str(state) for state in states if state in list_sources(Verb.REPLAN)]

        async def work(db: Connection) -> int:
            jobs = await queries.read_in_state(db, wanted, locks=True)
            for job in jobs:
                await replan_job(db, self._writer, job)
            return len(jobs)

        return await self._do(work)

    async def read(self, place: int) -> StoredJob | None:
        """Return a job by its place."""
        return await self._do(lambda db: queries.read_job(db, place))

    async def find(self, key: str) -> StoredJob | None:
        """Return a job by its key."""
        return await self._do(lambda db: queries.find_job(db, key))

    async def find_all(self, keys: Sequence[str]) -> Mapping[str, StoredJob]:
        """Return the jobs that have one of these keys."""
        return await self._do(lambda db: queries.find_jobs(db, keys))

    async def to_do(self, after: int) -> List[StoredJob]:
        """Return the next jobs of the present run that have not failed and are not in doubt."""
        return await self._do(lambda db: queries.read_to_do(db, self._run, after))

    async def list_jobs(self, state: str | None, after: int) -> List[StoredJob]:
        """Return the next jobs in one state, or in any."""
        return await self._do(lambda db: queries.read_page(db, state, after))

    async def list_creating(self) -> List[StoredJob]:
        """Return the jobs whose create has an intent and no outcome."""
        return await self._do(lambda db: queries.read_in_state(db, [str(JobState.CREATING)]))

    async def list_wanted_templates(self) -> List[WantedTemplate]:
        """Return the templates and resolutions that the planned jobs of the present run need."""
        return await self._do(lambda db: queries.read_wanted_templates(db, self._run))

    async def list_recent_videos(self, most: int) -> List[str]:
        """Return the ids of the jobs' videos, the most recent create first."""
        return await self._do(lambda db: queries.read_recent_videos(db, most))

    async def list_candidates(self) -> List[str]:
        """Return the ids of all candidates of jobs in doubt."""
        return await self._do(queries.read_candidates)

    async def is_billed(self, video_id: str) -> bool:
        """Return whether a video is in the ledger."""
        return await self._do(lambda db: queries.is_billed(db, video_id))

    async def statistics(self) -> BatchStatus:
        """Count the jobs in each state, and sum the ledger."""
        return await self._do(queries.read_statistics)

    async def list_ledger(self, after: str) -> List[LedgerLine]:
        """Return the next lines of the ledger, in the order of the videos' ids; the page begins behind an id."""
        return await self._do(lambda db: queries.read_ledger(db, after))

    async def read_first_create(self) -> datetime | None:
        """Return when the first create was announced, by the clock of its process; None before it."""
        return await self._do(queries.read_first_create)

    async def find_announced(self, video_ids: Sequence[str]) -> Mapping[str, datetime]:
        """Return when the creates of these videos were announced, as far as a job has them; at most 200 videos."""
        return await self._do(lambda db: queries.find_announced(db, video_ids))

    async def history(self, place: int) -> List[HistoryLine]:
        """Return the steps of a job, the first one first."""
        return await self._do(lambda db: queries.read_history(db, place))

    async def read_account(self) -> str | None:
        """Return the fingerprint of the key that was used last; None before the first run."""
        return await self._do(lambda db: queries.read_meta(db, "account"))

    async def write_account(self, fingerprint: str) -> None:
        """Record the fingerprint of the key; it belongs to the account of the earlier ones."""
        await self._do(lambda db: write_account(db, fingerprint))

    async def read_preset(self, template_id: str) -> str | None:
        """Return the private variant of a template; None before the first."""
        return await self._do(lambda db: queries.read_meta(db, f"preset {template_id}"))

    async def write_preset(self, template_id: str, variant_id: str) -> None:
        """Record the private variant of a template."""
        await self._do(lambda db: queries.write_meta(db, f"preset {template_id}", variant_id))

    async def agree(self, max_credits: float | None, out: str | None) -> None:
        """
        Agree with the other processes on the credit limit and on the folder; None leaves what was agreed on.

        Raises:
            InvalidArgumentError: The jobs of this journal are saved to another folder.
        """
        folder = None if out is None else await in_thread(name_folder, out)

        async def work(db: Connection) -> str | None:
            other = None if folder is None else await _agree_on_folder(db, folder)
            if max_credits is not None and other is None:
                account = await queries.read_account(db)
                await execute(db, "UPDATE bluma_accounts SET max_credits = %s WHERE id = %s", max_credits, account)
            return other

        other = await self._do(work)
        if folder is not None and other is not None:
            raise build_folder_error(self.name, other, folder)

    async def read_view(self) -> FleetView:
        """Return what the processes are doing."""
        return await self._do(views.read_view)

    async def has_workers(self) -> bool:
        """Return whether a process that may work on the jobs has the store open."""
        return await self._do(views.read_has_workers)

    async def close(self) -> None:
        """Give back the jobs of this process, and close the connections, also when cancelled."""
        await (self._database.close() if self.member is None else self.member.leave())

    async def _move(self, place: int, change: Change) -> Outcome:
        async def work(db: Connection, is_repeated: bool) -> Outcome:
            return await move_job(db, self._writer, place, change, is_repeated=is_repeated)

        return await self._database.do(work)

    async def _do(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async def once(db: Connection, _: bool) -> T:
            return await work(db)

        return await self._database.do(once, longest=LONGEST, finishes=False)

    async def _plan(self, work: Callable[[Connection, bool], Awaitable[Plan]]) -> Plan:
        """Plan rows, which can be read only once, in one transaction."""
        return await self._database.do(work, retries=False, longest=DAY, finishes=False)

    @property
    def _run(self) -> int:
        return 0 if self.sharing is None else self.sharing.run

    def _set_run(self, run: int) -> None:
        if self.sharing is not None:
            self.sharing.run = run


async def _agree_on_folder(db: Connection, folder: str) -> str | None:
    """Record the folder if there is none yet; return the one that was agreed on before, if it is another one."""
    agreed = await queries.hold_meta(db, "out", folder)
    if not await in_thread(is_same_folder, agreed, folder):
        return agreed
    if not is_absolute(agreed):  # of an earlier version: from now on, it depends on no working directory
        await queries.write_meta(db, "out", folder)
    return None

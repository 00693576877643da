"""Every store of jobs takes submissions beside a run, and lists its ledger."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Callable, List

import attrs
import pytest

from bluma_async.errors import BlumaError, InvalidArgumentError
from bluma_async.stores.jobs import PAGE_SIZE, Conflict, ConflictKind, InvalidRow, Job, LedgerLine, PlanRow
from bluma_async.stores.ports import JobStore
from bluma_async.stores.sqlite.jobs import SQLiteJobStore
from bluma_async.stores.states import JobState, Verb
from tests.stores.steps import INTENT, Now, bring_to, require_job

MakeJob = Callable[..., Job]


async def list_keys(store: JobStore) -> List[str]:
    """Return the keys of all jobs."""
    return [job.key for job in await store.list_jobs(None, 0)]


async def list_to_do(store: JobStore) -> List[str]:
    """Return the keys of the jobs of the present run."""
    return [job.key for job in await store.to_do(0)]


async def test_new_jobs_are_planned_in_their_order(store: JobStore, make_job: MakeJob) -> None:
    """They are counted, and belong to no run until one takes all jobs."""
    await store.begin_run()

    plan = await store.submit([make_job("b"), make_job("a")], most=20)

    assert (plan.refused, plan.added, await list_keys(store)) == ((), 2, ["b", "a"])
    assert await list_to_do(store) == []
    await store.resume()
    assert await list_to_do(store) == ["b", "a"]


async def test_jobs_that_the_store_has_stay_as_they_are(store: JobStore, make_job: MakeJob) -> None:
    """Their state, their run and their row are those of before."""
    job = await bring_to(store, make_job("known"), JobState.RENDERING)

    plan = await store.submit([make_job("known", origin="another row", has_file=True), make_job("new")], most=20)

    assert plan.added == 1
    assert await store.find("known") == job


async def test_one_refused_row_refuses_the_submission(store: JobStore, make_job: MakeJob) -> None:
    """The content of a stored job is not changed either: a run may be creating it at this moment."""
    await store.submit([make_job("old")], most=20)
    invalid = InvalidRow(InvalidArgumentError("row 3"))
    rows: List[PlanRow] = [
        make_job("a"),
        make_job("old", body="{}"),
        invalid,
        make_job("A"),
        make_job("a", origin="row 5"),
        make_job("c", has_file=True),
        make_job("d", key_problem="too long"),
    ]

    plan = await store.submit(rows, most=20)

    assert list(plan.refused) == [
        Conflict(ConflictKind.KEY_IN_USE, Verb.PLAN, "old", JobState.PLANNED, "row old", "row old"),
        invalid,
        Conflict(ConflictKind.SAME_KEY, Verb.PLAN, "A", JobState.PLANNED, "row A", "row a"),
        Conflict(ConflictKind.SAME_JOB, Verb.PLAN, "a", JobState.PLANNED, "row 5", "row a"),
        Conflict(ConflictKind.FILE_EXISTS, Verb.PLAN, "c", None, "row c"),
        Conflict(ConflictKind.UNSAFE_KEY, Verb.PLAN, "d", None, "row d", "too long"),
    ]
    assert (plan.added, await list_keys(store)) == (0, ["old"])


async def test_a_run_of_the_whole_store_takes_new_jobs(store: JobStore, make_job: MakeJob) -> None:
    """A run of given jobs does not; the next run of the whole store takes those too."""
    await store.resume()
    await store.submit([make_job("during all")], most=20)
    taken = await list_to_do(store)
    await store.plan_all([make_job("given")], most=20)
    await store.submit([make_job("during given")], most=20)
    left = await list_to_do(store)
    await store.resume()

    assert (taken, left) == (["during all"], ["given"])
    assert await list_to_do(store) == ["during all", "given", "during given"]


async def test_a_forgotten_plan_leaves_what_was_submitted_meanwhile(store: JobStore, make_job: MakeJob) -> None:
    """Only the jobs of the run are deleted, although others have places above its mark."""
    plan = await store.plan_all([make_job("mine")], most=20)
    await store.submit([make_job("theirs")], most=20)

    await store.forget(plan.mark)

    assert await list_keys(store) == ["theirs"]


async def test_a_plan_counts_new_jobs(store: JobStore, make_job: MakeJob) -> None:
    """Those that the store has already are not among them."""
    first = await store.plan_all([make_job("a"), make_job("b")], most=20)
    second = await store.plan_all([make_job("a"), make_job("c")], most=20)

    assert (first.added, second.added) == (2, 1)


async def test_the_ledger_has_a_line_for_each_bill(store: JobStore, make_job: MakeJob, now: Now) -> None:
    """A job that was billed twice has two; the lines are sorted by video, and read by pages."""
    job = await bring_to(store, make_job("k"), JobState.RENDERING)
    await store.refund(job.place, "it failed")
    await store.replan([JobState.FAILED])
    now.advance(60)
    await store.intend(job.place, attrs.evolve(INTENT, request_key="request-2"))
    require_job(await store.bill(job.place, "another", 5, request_key=None))

    assert await store.list_ledger("") == [LedgerLine("another", "k", 5, 0), LedgerLine("video-1", "k", 2, 2)]
    assert await store.find_announced(["another", "video-1", "unknown"]) == {"another": now()}  # of the present video
    assert await store.list_ledger("another") == [LedgerLine("video-1", "k", 2, 2)]
    assert await store.list_ledger("video-1") == []


@pytest.mark.timeout(60)  # hundreds of transactions
async def test_a_page_of_the_ledger_is_bounded(store: JobStore, make_job: MakeJob) -> None:
    """A large ledger is not read at once."""
    await store.plan_all([make_job(f"k{number}") for number in range(PAGE_SIZE + 1)], most=1)
    for place in range(1, PAGE_SIZE + 2):
        await store.intend(place, INTENT)
        await store.bill(place, f"video-{place}", 2, request_key=None)

    first = await store.list_ledger("")
    second = await store.list_ledger(first[-1].video_id)

    assert (len(first), len(second)) == (PAGE_SIZE, 1)


async def test_a_store_knows_when_its_first_create_was_announced(store: JobStore, make_job: MakeJob, now: Now) -> None:
    """Whatever follows: the job may be created again, and jobs that are only planned have paid nothing."""
    await store.submit([make_job("a")], most=20)
    before = await store.read_first_create()
    now.advance(60)
    announced = now()
    for request_key in ("request-1", "request-2"):
        await store.intend(1, attrs.evolve(INTENT, request_key=request_key))
        await store.release(1, "refused")
        now.advance(60)

    assert (before, await store.read_first_create()) == (None, announced)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a journal."""
    return tmp_path / "journal.sqlite"


async def test_a_file_takes_submissions_while_another_holds_its_lock(path: Path, make_job: MakeJob) -> None:
    """The process that runs jobs sees the new ones; it is the only one that may run jobs."""
    runner = await SQLiteJobStore.open(path, to_write=True)
    await runner.resume()
    submitter = await SQLiteJobStore.open(path, to_write=True, only_plans=True)

    plans = await asyncio.gather(*(submitter.submit([make_job(key)], most=1) for key in "abc"), runner.statistics())
    with pytest.raises(BlumaError, match="in use by process"):
        await SQLiteJobStore.open(path, to_write=True)

    assert [plan.added for plan in plans[:3]] == [1, 1, 1]  # type: ignore[union-attr]  # the fourth is not a plan
    assert sorted(await list_to_do(runner)) == ["a", "b", "c"]
    for store in (submitter, runner):
        await store.close()


async def test_a_submission_creates_the_file(path: Path, make_job: MakeJob) -> None:
    """Nobody has run a job yet; no lock is left."""
    submitter = await SQLiteJobStore.open(path, to_write=True, only_plans=True)
    await submitter.submit([make_job("a")], most=1)
    runner = await SQLiteJobStore.open(path, to_write=True)

    assert await list_keys(runner) == ["a"]
    for store in (submitter, runner):
        await store.close()


async def test_a_submission_to_an_old_journal_migrates_it(path: Path, make_job: MakeJob) -> None:
    """Only if nobody runs its jobs: an earlier release could be running them."""
    await (await SQLiteJobStore.open(path, to_write=True)).close()
    await asyncio.get_running_loop().run_in_executor(None, _make_old, path)
    runner = await SQLiteJobStore.open(path, to_write=True)
    await asyncio.get_running_loop().run_in_executor(None, _make_old, path)

    with pytest.raises(BlumaError, match="in use by process"):
        await SQLiteJobStore.open(path, to_write=True, only_plans=True)
    await runner.close()
    submitter = await SQLiteJobStore.open(path, to_write=True, only_plans=True)

    assert (await submitter.submit([make_job("a")], most=1)).added == 1
    await submitter.close()


def _make_old(path: Path) -> None:
    """Set a journal back to the schema of an earlier release."""
    with contextlib.closing(sqlite3.connect(path)) as journal, journal:
        for statement in ("DROP INDEX jobs_by_folded_key", "ALTER TABLE jobs DROP COLUMN folded"):
            journal.execute(statement)
        journal.execute("PRAGMA user_version = 1")

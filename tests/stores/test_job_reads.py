"""Every store of jobs gives the same answers, and has the methods of the port."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any, Callable

import pytest

from bluma_async.stores.jobs import Intent, Job
from bluma_async.stores.memory.jobs import MemoryJobStore
from bluma_async.stores.ports import JobStore
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.stores.sqlite.jobs import SQLiteJobStore
from bluma_async.stores.states import JobState
from tests.stores.steps import BEGAN, PATHS, bring_to

MakeJob = Callable[..., Job]
METHODS = [name for name, value in vars(JobStore).items() if inspect.isfunction(value) and not name.startswith("_")]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", [MemoryJobStore, SQLiteJobStore, PostgresJobStore])
def test_a_store_has_the_methods_of_the_port(kind: Any, name: str) -> None:
    """Names, parameters and defaults are the same."""
    assert inspect.signature(getattr(kind, name)) == inspect.signature(getattr(JobStore, name))
    assert inspect.iscoroutinefunction(getattr(kind, name))


async def test_an_empty_store(store: JobStore) -> None:
    """Every question has an answer."""
    assert (await store.to_do(0), await store.list_jobs(None, 0), await store.list_creating()) == ([], [], [])
    assert (await store.list_wanted_templates(), await store.list_recent_videos(5)) == ([], [])
    assert (await store.list_candidates(), await store.history(1)) == ([], [])
    assert (await store.find("k"), await store.read(1), await store.read_account()) == (None, None, None)
    assert set((await store.statistics()).to_dict().values()) == {0}
    assert not await store.is_billed("video")


async def test_jobs_are_counted_by_state(store: JobStore, make_job: MakeJob) -> None:
    """One in each state."""
    for state in PATHS:
        await bring_to(store, make_job(str(state), template_id=str(state)), state)

    status = (await store.statistics()).to_dict()

    assert {state: status[state] for state in map(str, PATHS)} == dict.fromkeys(map(str, PATHS), 1)
    assert status["total"] == len(PATHS)


@pytest.mark.parametrize("state", list(PATHS), ids=str)
async def test_jobs_are_listed_by_state(store: JobStore, make_job: MakeJob, state: JobState) -> None:
    """A state by its name; None lists all."""
    for one in PATHS:
        await bring_to(store, make_job(str(one), template_id=str(one)), one)

    assert [job.key for job in await store.list_jobs(str(state), 0)] == [state]
    assert [job.key for job in await store.list_jobs(None, 0)] == list(PATHS)


async def test_jobs_to_do_are_those_that_have_not_ended(store: JobStore, make_job: MakeJob) -> None:
    """Saved jobs are among them: the caller looks for their files."""
    for state in PATHS:
        await bring_to(store, make_job(str(state), template_id=str(state)), state)

    assert [job.state for job in await store.to_do(0)] == [
        state for state in PATHS if state not in (JobState.FAILED, JobState.IN_DOUBT)
    ]


@pytest.mark.timeout(60)  # hundreds of transactions
@pytest.mark.parametrize("read", ["to_do", "list_jobs"])
async def test_long_lists_come_in_pages(store: JobStore, make_job: MakeJob, read: str) -> None:
    """The last place of a page begins the next; failed jobs at its beginning do not end a list early."""
    await store.plan_all([make_job(f"{number}") for number in range(450)], most=20)
    for place in range(1, 240):
        await store.fail(place, "no template")

    async def fetch(after: int) -> Any:
        return await (store.to_do(after) if read == "to_do" else store.list_jobs("planned", after))

    found, after = [], 0
    while page := await fetch(after):
        assert len(page) < 210
        found += [job.place for job in page]
        after = page[-1].place

    assert found == list(range(240, 451))


async def test_recent_videos_come_first(store: JobStore, make_job: MakeJob) -> None:
    """In the order in which their creates began, however long ago they were planned."""
    jobs = [await bring_to(store, make_job(key), JobState.PLANNED) for key in "abc"]
    for job, seconds in zip(jobs, (5, 9, 7)):
        await store.intend(job.place, Intent("key", BEGAN + timedelta(seconds=seconds)))
        await store.bill(job.place, f"video-{job.key}", 2, request_key=None)

    assert await store.list_recent_videos(2) == ["video-b", "video-c"]


async def test_reused_videos_are_no_recent_creates(store: JobStore, make_job: MakeJob) -> None:
    """They come last: this journal did not create them."""
    reusing = await bring_to(store, make_job("a"), JobState.PLANNED)
    await store.reuse(reusing.place, "video-of-another")
    await bring_to(store, make_job("b", template_id="u"), JobState.RENDERING)

    assert await store.list_recent_videos(2) == ["video-2", "video-of-another"]


async def test_the_account_is_remembered(store: JobStore) -> None:
    """The last one that was written."""
    await store.write_account("first")
    await store.write_account("second")

    assert await store.read_account() == "second"


async def test_presets_are_remembered_by_template(store: JobStore) -> None:
    """Each template has its own."""
    await store.write_preset("t", "var_1")
    await store.write_preset("account", "var_2")

    assert [await store.read_preset(name) for name in ("t", "account", "other")] == ["var_1", "var_2", None]
    assert await store.read_account() is None


async def test_jobs_are_found_by_many_keys(store: JobStore, make_job: MakeJob) -> None:
    """Keys are compared as file systems compare names; each job is returned by the key that was asked for."""
    await store.plan_all([make_job(f"k{number}") for number in range(1200)], most=1)

    found = await store.find_all([*(f"K{number}" for number in range(1000)), "none"])

    assert {key: job.key for key, job in found.items()} == {f"K{number}": f"k{number}" for number in range(1000)}
    assert await store.find_all([]) == {}

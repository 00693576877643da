"""Every store of jobs plans rows wholly or not at all, and reports conflicts as data."""

from __future__ import annotations

from typing import Any, Callable, Iterator, List

import pytest

from bluma_async.errors import InvalidArgumentError
from bluma_async.stores.jobs import Conflict, ConflictKind, InvalidRow, Job, PlanRow, WantedTemplate
from bluma_async.stores.ports import JobStore
from bluma_async.stores.states import JobState, Verb
from tests.stores.steps import INTENT, PATHS, bring_to, require_job

MakeJob = Callable[..., Job]


async def keys(store: JobStore) -> List[str]:
    """Return the keys of all jobs to do."""
    return [job.key for job in await store.to_do(0)]


async def test_rows_are_planned_in_their_order(store: JobStore, make_job: MakeJob) -> None:
    """Each has a place above the one before; the mark is the last place before the plan."""
    first = await store.plan_all([make_job("b"), make_job("a")], most=20)
    second = await store.plan_all([make_job("c")], most=20)

    assert (first.refused, first.mark, second.mark) == ((), 0, 2)
    assert [job.key for job in await store.list_jobs(None, 0)] == ["b", "a", "c"]
    assert await keys(store) == ["c"]


async def test_a_planned_job_is_stored_whole(store: JobStore, make_job: MakeJob) -> None:
    """It can be found by its key, compared as file systems do: whatever its case and its Unicode normal form."""
    job = make_job("Straße É", body='{"context":{"prompt":"x"}}', resolution="4k")

    planned = require_job(await store.plan(job))

    assert (planned.key, planned.body, planned.template_id, planned.resolution) == (job.key, job.body, "t", "4k")
    assert (planned.state, planned.origin, planned.charged) == (JobState.PLANNED, job.origin, 0)
    assert planned.arguments == {"context": {"prompt": "x"}}
    for name in ("STRAßE É", "straße é", "STRASSE E\u0301"):
        assert await store.find(name) == await store.read(planned.place) == planned
    assert await store.find("straße e") is None


@pytest.mark.parametrize("most", [1, 2, 20])
async def test_one_refused_row_refuses_the_plan(store: JobStore, make_job: MakeJob, most: int) -> None:
    """All refused rows are reported in their order, invalid ones too, up to a limit; nothing is planned."""
    await store.plan_all([make_job("old")], most=20)
    invalid = InvalidRow(InvalidArgumentError("row 2"))
    rows: List[PlanRow] = [make_job("a"), invalid, make_job("A"), make_job("b"), make_job("c", has_file=True)]

    plan = await store.plan_all(rows, most=most)

    refused = [
        invalid,
        Conflict(ConflictKind.SAME_KEY, Verb.PLAN, "A", JobState.PLANNED, "row A", "row a"),
        Conflict(ConflictKind.FILE_EXISTS, Verb.PLAN, "c", None, "row c"),
    ]
    assert list(plan.refused) == refused[:most]
    assert [job.key for job in await store.list_jobs(None, 0)] == ["old"]
    assert await keys(store) == ["old"]


async def test_no_more_rows_are_read_than_can_be_reported(store: JobStore) -> None:
    """If every row of a large file is invalid, only the first rows are read."""
    read = []

    def rows() -> Iterator[PlanRow]:
        for number in range(100):
            read.append(number)
            yield InvalidRow(InvalidArgumentError(str(number)))

    plan = await store.plan_all(rows(), most=3)

    assert (len(plan.refused), len(read)) == (3, 3)


async def test_an_error_of_the_rows_undoes_the_plan(store: JobStore, make_job: MakeJob) -> None:
    """The error is raised unchanged."""
    await store.plan_all([make_job("old")], most=20)

    def rows() -> Iterator[PlanRow]:
        yield make_job("a")
        raise InvalidArgumentError("row 2 is not CSV")

    with pytest.raises(InvalidArgumentError, match="not CSV"):
        await store.plan_all(rows(), most=20)

    assert [job.key for job in await store.list_jobs(None, 0)] == await keys(store) == ["old"]


CONFLICTS: Any = [
    ({"body": '{"n":"k"}'}, ConflictKind.SAME_JOB),
    ({"body": "{}"}, ConflictKind.SAME_KEY),
]


@pytest.mark.parametrize(("fields", "kind"), CONFLICTS)
async def test_two_rows_of_one_run_need_different_keys(
    store: JobStore, make_job: MakeJob, fields: Any, kind: ConflictKind
) -> None:
    """The conflict names both rows; the first one stays."""
    await store.begin_run()
    first = require_job(await store.plan(make_job("k")))

    outcome = await store.plan(make_job("K", origin="row 2", **fields))

    assert outcome == Conflict(kind, Verb.PLAN, "K", JobState.PLANNED, "row 2", "row k")
    assert await store.read(first.place) == first


@pytest.mark.parametrize(("fields", "kind"), CONFLICTS)
async def test_two_rows_of_one_plan_need_different_keys(
    store: JobStore, make_job: MakeJob, fields: Any, kind: ConflictKind
) -> None:
    """Whether the store has the job already or not."""
    await store.plan_all([make_job("k")], most=20)
    content = {"body": '{"n":"k"}'}
    rows = [make_job(name, **{**content, **more}) for name in "kj" for more in ({}, {**fields, "origin": "row 2"})]

    plan = await store.plan_all(rows, most=20)

    assert [(row.kind, row.key) for row in plan.refused if isinstance(row, Conflict)] == [(kind, "k"), (kind, "j")]


async def test_a_new_job_does_not_replace_a_file(store: JobStore, make_job: MakeJob) -> None:
    """A job that the store knows may have its file."""
    outcome = await store.plan(make_job("k", has_file=True))
    await store.plan(make_job("k"))
    await store.begin_run()

    assert outcome == Conflict(ConflictKind.FILE_EXISTS, Verb.PLAN, "k", None, "row k")
    assert require_job(await store.plan(make_job("k", has_file=True))).place == 1


async def test_a_new_job_needs_a_safe_key(store: JobStore, make_job: MakeJob) -> None:
    """The conflict has the reason; a job that the store knows keeps its key."""
    outcome = await store.plan(make_job("CON", key_problem="a device"))
    await store.plan(make_job("CON"))
    await store.begin_run()

    assert outcome == Conflict(ConflictKind.UNSAFE_KEY, Verb.PLAN, "CON", None, "row CON", "a device")
    assert require_job(await store.plan(make_job("CON", key_problem="a device"))).place == 1


@pytest.mark.parametrize("key", ["É", "E\u0301", "e\u0301"])
async def test_keys_that_name_one_file_are_one_key(store: JobStore, make_job: MakeJob, key: str) -> None:
    """Two rows whose keys differ only by case or Unicode normal form would overwrite each other's files."""
    await store.begin_run()
    await store.plan(make_job("é"))

    outcome = await store.plan(make_job(key, origin="row 2"))

    assert outcome == Conflict(ConflictKind.SAME_KEY, Verb.PLAN, key, JobState.PLANNED, "row 2", "row é")


@pytest.mark.parametrize("state", list(PATHS), ids=str)
async def test_a_known_job_keeps_its_state(store: JobStore, make_job: MakeJob, state: JobState) -> None:
    """It joins the run, and is known by its new row."""
    before = await bring_to(store, make_job("k"), state)
    await store.begin_run()
    assert await keys(store) == []

    after = require_job(await store.plan(make_job("k", origin="row 9")))

    assert (after.place, after.state, after.video_id) == (before.place, state, before.video_id)
    assert (after.origin, after.run) == ("row 9", before.run + 1)
    assert after == await store.read(before.place)
    ended = state in (JobState.FAILED, JobState.IN_DOUBT)
    assert await keys(store) == ([] if ended else ["k"])


@pytest.mark.parametrize("state", list(PATHS), ids=str)
async def test_content_is_corrected_if_nothing_was_billed(store: JobStore, make_job: MakeJob, state: JobState) -> None:
    """Otherwise the key belongs to the old content."""
    before = await bring_to(store, make_job("k"), state)
    await store.begin_run()

    outcome = await store.plan(make_job("k", body="{}", template_id="other", resolution="4k", origin="row 9"))

    if state in (JobState.PLANNED, JobState.FAILED):
        corrected = require_job(outcome)
        assert (corrected.body, corrected.template_id, corrected.resolution) == ("{}", "other", "4k")
        assert (corrected.state, corrected.error, corrected.origin) == (JobState.PLANNED, None, "row 9")
        assert (await store.history(before.place))[-1].note == "its content was corrected"
        assert corrected == await store.read(before.place)
    else:
        assert outcome == Conflict(ConflictKind.KEY_IN_USE, Verb.CORRECT, "k", state, "row 9", "row k")
        assert await store.read(before.place) == before


async def test_a_plan_can_be_forgotten(store: JobStore, make_job: MakeJob) -> None:
    """The jobs that it added are deleted, with their history; those with an intent never are."""
    await store.plan_all([make_job("old")], most=20)
    plan = await store.plan_all([make_job("old"), make_job("new"), make_job("sent")], most=20)
    await store.intend(3, INTENT)

    await store.forget(plan.mark)

    assert [job.key for job in await store.list_jobs(None, 0)] == ["old", "sent"]
    assert (await store.find("new"), await store.history(2)) == (None, [])
    assert len(await store.history(3)) == 2
    assert require_job(await store.plan(make_job("new"))).place == 4


async def test_a_run_can_resume_all_jobs(store: JobStore, make_job: MakeJob) -> None:
    """Jobs of all earlier runs are in it."""
    for key in ("a", "b"):
        await store.plan_all([make_job(key)], most=20)

    await store.resume()

    assert await keys(store) == ["a", "b"]


async def test_wanted_templates_are_those_of_planned_jobs(store: JobStore, make_job: MakeJob) -> None:
    """Each with each resolution, and the first row that asks for it; jobs from variants want none."""
    await store.plan_all([make_job("earlier", template_id="unused")], most=20)
    jobs = [make_job("a"), make_job("b"), make_job("c", resolution="4k"), make_job("d", template_id=None)]
    await store.plan_all([*jobs, make_job("failed", template_id="gone")], most=20)
    failed = require_job(await store.find("failed"))
    await store.fail(failed.place, "no template")

    wanted = await store.list_wanted_templates()

    assert sorted(wanted, key=lambda entry: entry.origin) == [
        WantedTemplate("t", None, "row a"),
        WantedTemplate("t", "4k", "row c"),
    ]

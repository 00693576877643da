"""Every store of jobs obeys the table of states, and records the arguments of verbs."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from bluma_async.stores.jobs import Conflict, ConflictKind, HistoryLine, Job
from bluma_async.stores.ports import JobStore
from bluma_async.stores.states import TRANSITIONS, JobState, Verb
from tests.stores.steps import BEGAN, INTENT, PATHS, VERBS, Now, bring_to, require_job

MakeJob = Callable[..., Job]
ALLOWED = [(state, verb) for state in PATHS for verb in VERBS if (state, verb) in TRANSITIONS]
FORBIDDEN = [(state, verb) for state in PATHS for verb in VERBS if (state, verb) not in TRANSITIONS]
by_name: Any = str


@pytest.mark.parametrize(("state", "verb"), ALLOWED, ids=by_name)
async def test_an_allowed_verb_moves_the_job(store: JobStore, make_job: MakeJob, state: JobState, verb: Verb) -> None:
    """The outcome is the job as it is stored afterwards, in the state of the table; its history has one more line."""
    job = await bring_to(store, make_job("k"), state)
    before = await store.history(job.place)

    moved = require_job(await VERBS[verb](store, job.place))

    assert moved.state == TRANSITIONS[state, verb]
    assert moved == await store.read(job.place)
    assert [line.state for line in (await store.history(job.place))[len(before) :]] == [moved.state]


@pytest.mark.parametrize(("state", "verb"), FORBIDDEN, ids=by_name)
async def test_a_forbidden_verb_changes_nothing(
    store: JobStore, make_job: MakeJob, state: JobState, verb: Verb
) -> None:
    """The outcome is a conflict that names the verb and the present state."""
    job = await bring_to(store, make_job("k"), state)
    before = (await store.history(job.place), await store.statistics())

    outcome = await VERBS[verb](store, job.place)

    assert outcome == Conflict(ConflictKind.WRONG_STATE, verb, "k", state)
    assert await store.read(job.place) == job
    assert (await store.history(job.place), await store.statistics()) == before


@pytest.mark.parametrize("verb", list(VERBS), ids=by_name)
async def test_a_verb_on_a_job_that_does_not_exist(store: JobStore, verb: Verb) -> None:
    """The outcome is a conflict; no bill remains."""
    assert await VERBS[verb](store, 7) == Conflict(ConflictKind.NO_SUCH_JOB, verb)
    assert (await store.statistics()).credits_charged == 0


async def test_an_intent_is_stored_before_its_outcome(store: JobStore, make_job: MakeJob) -> None:
    """Its key and its start are there for the search, also after the job was planned again."""
    job = await bring_to(store, make_job("k"), JobState.CREATING)

    assert (job.request_key, job.started_at) == (INTENT.request_key, BEGAN)
    assert [entry.place for entry in await store.list_creating()] == [job.place]
    released = require_job(await store.release(job.place, "refused"))
    assert (released.started_at, await store.list_creating()) == (BEGAN, [])


async def test_a_bill_is_corrected_and_refunded(store: JobStore, make_job: MakeJob) -> None:
    """The last charge counts; a refund gives all of it back."""
    first = await bring_to(store, make_job("a"), JobState.RENDERED)
    second = await bring_to(store, make_job("b"), JobState.RENDERING)
    refunded = require_job(await store.refund(second.place, "its render failed"))

    status = await store.statistics()

    assert (first.charged, first.size, first.video_id) == (3, 1000, f"video-{first.place}")
    assert (refunded.charged, refunded.error) == (2, "its render failed")
    assert (status.credits_charged, status.credits_refunded, status.credits_net) == (5, 2, 3)


async def test_a_video_that_was_billed_is_no_other_creates(store: JobStore, make_job: MakeJob) -> None:
    """A create that was answered with it got the answer to another request: it stays open, to be searched for."""
    first = await bring_to(store, make_job("a"), JobState.RENDERING)
    second = await bring_to(store, make_job("b"), JobState.CREATING)

    outcome = await store.bill(second.place, first.video_id or "", 9, request_key="request-1")

    assert outcome == Conflict(ConflictKind.VIDEO_IN_USE, Verb.BILL, "b", JobState.CREATING)
    assert await store.read(second.place) == second
    assert (await store.statistics()).credits_charged == 2


async def test_a_video_of_another_job_is_not_adopted(store: JobStore, make_job: MakeJob) -> None:
    """The outcome is a conflict, and the job stays in doubt."""
    first = await bring_to(store, make_job("a"), JobState.RENDERING)
    second = await bring_to(store, make_job("b"), JobState.IN_DOUBT)

    outcome = await store.adopt(second.place, first.video_id or "", 2)

    assert outcome == Conflict(ConflictKind.VIDEO_IN_USE, Verb.ADOPT, "b", JobState.IN_DOUBT)
    assert await store.read(second.place) == second


async def test_a_doubt_has_candidates_until_it_is_settled(store: JobStore, make_job: MakeJob) -> None:
    """An adoption clears them and the error, and is a bill."""
    job = await bring_to(store, make_job("k"), JobState.IN_DOUBT)
    candidates = await store.list_candidates()

    adopted = require_job(await store.adopt(job.place, "a", 2))

    assert (job.candidates, job.error, candidates) == (("a", "b"), "several", ["a", "b"])
    assert (adopted.candidates, adopted.error, adopted.charged) == ((), None, 2)
    assert (await store.list_candidates(), await store.is_billed("a")) == ([], True)


async def test_a_file_is_stored_with_its_size(store: JobStore, make_job: MakeJob) -> None:
    """A file that was lost and saved again can have another path and size."""
    job = await bring_to(store, make_job("k"), JobState.SAVED)

    again = require_job(await store.mark_saved(job.place, "other.mp4", 900))

    assert (job.path, job.size) == ("k.mp4", 1000)
    assert (again.path, again.size) == ("other.mp4", 900)


@pytest.mark.parametrize("state", list(PATHS), ids=by_name)
async def test_only_ended_jobs_are_planned_again(store: JobStore, make_job: MakeJob, state: JobState) -> None:
    """Their earlier bills stay; jobs in other states are left alone, whichever states are asked for."""
    job = await bring_to(store, make_job("k"), state)
    net = (await store.statistics()).credits_net
    is_ended = state in (JobState.FAILED, JobState.IN_DOUBT)

    count = await store.replan(list(JobState))

    after = require_job(await store.read(job.place))
    assert count == int(is_ended)
    assert (after.state, after.error, after.candidates) == (JobState.PLANNED if is_ended else state, None, ())
    assert (await store.statistics()).credits_net == net


async def test_only_the_named_states_are_planned_again(store: JobStore, make_job: MakeJob) -> None:
    """Jobs in doubt may have been billed: they are resubmitted only if they are named."""
    await bring_to(store, make_job("a"), JobState.FAILED)
    doubtful = await bring_to(store, make_job("b"), JobState.IN_DOUBT)

    assert await store.replan([JobState.FAILED]) == 1
    assert await store.read(doubtful.place) == doubtful


async def test_history_has_every_step_with_its_time(store: JobStore, make_job: MakeJob, now: Now) -> None:
    """The times are those of the store's clock."""
    job = require_job(await store.plan(make_job("k")))
    began = now()
    now.advance(5)
    await store.fail(job.place, "no template")

    assert await store.history(job.place) == [
        HistoryLine(began, JobState.PLANNED, "row k"),
        HistoryLine(now(), JobState.FAILED, "no template"),
    ]
    assert (now() - began).total_seconds() == 5

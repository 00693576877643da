"""The poller's decisions, as tables: the budget, deadlines, busy waiters, and when a job has its next turn."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from bluma_async.waiting.list_limits import Limits, next_list
from bluma_async.waiting.pace import Pace
from bluma_async.waiting.plan import next_turn, plan, plan_reads
from tests.waiting.planning import FREE, LATER, NOW, budget, entry, ids, many, turns, waiter


@pytest.mark.parametrize(("remaining", "reads"), [(1000, 9), (109, 9), (105, 5), (101, 1), (100, 1), (3, 1)])
def test_the_allowance_bounds_the_reads(remaining: int, reads: int) -> None:
    """Single reads use the budget up to a reserve of a tenth of the limit; one is always allowed."""
    made = plan(NOW, many(9), budget(remaining), Limits(lists_again=LATER))

    assert ids(made.reads) == [f"j{number}" for number in range(reads)]
    assert [each.job_id for each, _ in made.postponed] == [f"j{number}" for number in range(reads, 9)]


def test_reads_beyond_the_allowance_are_spread() -> None:
    """One after the other, at the pace of the remaining budget; a deadline comes first."""
    jobs = [*many(3), entry("last", waiter(ends=NOW + 1))]

    made = plan(NOW, jobs, budget(100), Limits())

    assert ids(made.reads) == ["j0"]
    assert turns(made.postponed) == {"j1": 36.0, "j2": 72.0, "last": 1.0}


def test_groups_count_as_one_request() -> None:
    """The allowance is in requests: a bulk read of twenty is one."""
    made = plan(NOW, many(60), budget(102), Limits(jobs_per_poll=20, lists_again=LATER))

    assert [len(group) for group in made.reads] == [20, 20]
    assert len(made.postponed) == 20


@pytest.mark.parametrize(
    ("ends", "last_turn", "is_expired"),
    [
        (NOW - 1, NOW - 1, True),
        (NOW - 1, NOW, True),
        (NOW - 1, NOW - 2, False),  # the poll at the deadline is still to come
        (NOW + 1, NOW, False),
        (NOW, -math.inf, False),  # `timeout=0`: no poll yet
    ],
)
def test_a_wait_expires_after_the_turn_at_its_deadline(ends: float, last_turn: float, is_expired: bool) -> None:
    """The last poll is made however late the poller is; then the wait times out before anything else happens."""
    job = entry("a", waiter(ends=ends), last_turn=last_turn)

    made = plan(NOW, [job], FREE, Limits())

    assert list(made.expired) == ([(job, job.waiters[0])] if is_expired else [])
    assert ids(made.reads) == ([] if is_expired else ["a"])


def test_each_wait_for_a_job_expires_by_itself() -> None:
    """Only the wait whose deadline has passed; the same job's other wait stays."""
    late, patient = waiter(ends=NOW - 1), waiter()
    job = entry("a", late, patient, last_turn=NOW)

    assert list(plan(NOW, [job, *many(3)], FREE, Limits()).expired) == [(job, late)]


def test_a_job_whose_callbacks_run_is_postponed() -> None:
    """No request is sent for a busy waiter; its job has another turn after an interval."""
    jobs = [entry("busy", waiter(is_busy=True)), entry("free", waiter(is_busy=True), waiter())]

    made = plan(NOW, jobs, FREE, Limits())

    assert ids(made.reads) == ["free"]
    assert turns(made.postponed) == {"busy": 5.0}


def test_if_all_callbacks_run_it_sleeps() -> None:
    """Neither a list nor a read has a waiter to be sent for; the plan sleeps, it does not spin."""
    few, crowd = many(2), many(6)
    for each in [*few, *crowd]:
        each.waiters[0].is_busy = True

    for jobs in (few, crowd):
        made = plan(NOW, jobs, FREE, Limits())
        assert (list(made.reads), made.list_for) == ([], None)
        assert set(turns(made.postponed).values()) == {5.0}


def test_a_list_is_sent_for_a_free_waiter() -> None:
    """The first one that is not busy, whichever job it waits for."""
    jobs = many(6)
    for each in jobs[:4]:
        each.waiters[0].is_busy = True

    assert plan(NOW, jobs, FREE, Limits()).list_for is jobs[4].waiters[0]


def test_a_bulk_read_needs_one_free_waiter() -> None:
    """Busy waiters' jobs are read with the others of their request."""
    jobs = [entry("a", waiter(is_busy=True)), entry("b"), entry("c", waiter(is_busy=True))]

    made = plan(NOW, jobs, FREE, Limits(jobs_per_poll=2))

    assert ids(made.reads) == ["a b"]
    assert list(turns(made.postponed)) == ["c"]


@pytest.mark.parametrize(
    ("waiters", "earliest", "after"),
    [
        ([waiter()], NOW, 5.0),
        ([waiter()], NOW + 60, 60.0),
        ([waiter(), waiter(interval=2.0)], NOW, 2.0),
        ([waiter(ends=NOW + 3)], NOW + 60, 3.0),
        ([waiter(ends=NOW - 1), waiter()], NOW, 5.0),
        ([waiter(ends=NOW - 1), waiter(ends=NOW + 4)], NOW, 4.0),
    ],
)
def test_the_next_turn(waiters: Any, earliest: float, after: float) -> None:
    """The shortest interval, the pace, and the first deadline to come; deadlines that have passed do not count."""
    assert next_turn(entry("a", *waiters), NOW, earliest, Limits()) == NOW + after


@pytest.mark.parametrize("now", [NOW, NOW + 0.3, NOW + 0.6])
def test_turns_of_bulk_reads_are_aligned(now: float) -> None:
    """Jobs that were read a little apart fall due at the same eighth of an interval."""
    assert next_turn(entry("a"), now, now, Limits(jobs_per_poll=20)) == pytest.approx(
        NOW + 5.0 + (0.0 if now == NOW else 0.625)
    )


def test_an_aligned_turn_keeps_the_deadline() -> None:
    """Alignment moves a turn later, but never beyond a deadline."""
    job = entry("a", waiter(ends=NOW + 5.1))

    assert next_turn(job, NOW + 0.05, NOW, Limits(jobs_per_poll=20)) == NOW + 5.1


@pytest.mark.parametrize(
    ("pace", "requests", "jobs", "after"),
    [
        (FREE, 5, 500, 1.0),
        (budget(1000), 5, 500, 5 * 3600 / 400),
        (budget(600), 5, 500, 3600 + 5 * 3.6),
        (budget(1000, reset_after=0.0), 5, 500, 1.0),
    ],
)
def test_the_next_list(pace: Pace, requests: int, jobs: int, after: float) -> None:
    """Lists are spread over the budget that is left when each job has kept one read; a second apart at least."""
    assert next_list(NOW, pace, requests, jobs) == pytest.approx(NOW + after)


def test_a_list_is_not_enough_for_progress_and_results() -> None:
    """A missing job is finished, and pages have no progress: both are read by themselves."""
    assert entry("a", is_unlisted=True).needs_own_read
    assert entry("a", waiter(), waiter(wants_progress=True)).needs_own_read
    assert not entry("a").needs_own_read


def test_a_plan_changes_nothing() -> None:
    """Entries and waiters are as they were: the same question has the same answer."""
    jobs = [entry("a", waiter(ends=NOW)), *many(8)]
    before = [(each.job_id, each.due, each.waiters, each.last, each.is_unlisted, each.last_turn) for each in jobs]

    first = plan(NOW, jobs, budget(101), Limits(next_list=NOW + 1))
    second = plan(NOW, jobs, budget(101), Limits(next_list=NOW + 1))

    assert first == second
    assert before == [
        (each.job_id, each.due, each.waiters, each.last, each.is_unlisted, each.last_turn) for each in jobs
    ]


def test_no_reads_are_planned_for_no_jobs() -> None:
    """After a list that showed everything, nothing is left to read."""
    made = plan_reads(NOW, [], budget(500), Limits())

    assert (made.reads, made.postponed) == ([], [])


@pytest.mark.parametrize("seed", range(40))
def test_every_due_job_is_cared_for_and_nothing_spins(seed: int) -> None:
    """A due job is read, listed or postponed into the future, and a step without requests sleeps."""
    chance = random.Random(seed)
    jobs = [
        entry(
            f"j{number}",
            waiter(
                NOW + chance.choice([0, 0.01, 3, 600]), chance.choice([1e-5, 0.01, 5]), is_busy=chance.random() < 0.3
            ),
            due=NOW + chance.choice([-1, 0, 0.01, 4]),
            is_unlisted=chance.random() < 0.2,
        )
        for number in range(chance.choice([1, 4, 5, 30]))
    ]
    limits = Limits(chance.choice([1, 20]), NOW + chance.choice([-1, 2]), NOW + chance.choice([-1, 2]))

    made = plan(NOW, jobs, chance.choice([FREE, budget(0), budget(102), budget(900)]), limits)

    read = {each for group in made.reads for each in group}
    due = {each for each in jobs if each.due <= NOW}
    later = {each for each, _ in [*made.postponed, *made.deferred]}
    assert due <= read | later | set(made.listed)
    assert not read & later
    assert not set(made.listed) & (read | later)
    assert all(moment > NOW for _, moment in [*made.postponed, *made.deferred])
    assert bool(made.listed) == (made.list_for is not None)

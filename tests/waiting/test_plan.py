"""The poller's decisions, as tables: sleep, read, list. No clock, no event loop, no request."""

from __future__ import annotations

import math
from typing import List

import pytest

from bluma_async._wire.budget import RateLimit
from bluma_async.waiting.contact import SILENCE
from bluma_async.waiting.list_limits import Limits
from bluma_async.waiting.pace import Pace
from bluma_async.waiting.plan import Plan, next_wake, plan
from tests.waiting.planning import FREE, LATER, NOW, budget, entry, ids, many, turns, waiter


def test_nothing_is_planned_for_nobody() -> None:
    """Without entries there is nothing to read or to list."""
    made = plan(NOW, [], FREE, Limits())

    assert not made.reads
    assert not made.expired
    assert made.list_for is None
    assert next_wake(NOW, []) == math.inf


@pytest.mark.parametrize(
    ("dues", "wake_in"),
    [([3.0], 3.0), ([4.0, 2.5, 9.0], 2.5), ([0.01, 7.0], 0.01)],
)
def test_it_sleeps_until_the_first_job_is_due(dues: List[float], wake_in: float) -> None:
    """If nothing is due, nothing is planned, and the poller wakes up at the first due moment."""
    jobs = [entry(f"j{due}", due=NOW + due) for due in dues]

    assert plan(NOW, jobs, FREE, Limits()) == Plan()
    assert next_wake(NOW, jobs) == NOW + wake_in


@pytest.mark.parametrize(
    ("is_reached", "is_reported", "wake_in"), [(False, False, SILENCE), (True, False, 60.0), (False, True, 60.0)]
)
def test_it_wakes_up_to_report_that_no_answer_has_come(is_reached: bool, is_reported: bool, wake_in: float) -> None:
    """Also if no job is due by then; a server that has answered, or was reported, is not reported."""
    silent = waiter()
    silent.contact.is_reached, silent.contact.is_reported = is_reached, is_reported

    assert next_wake(NOW, [entry("a", silent, due=NOW + 60)]) == NOW + wake_in


def test_a_sleep_that_ends_a_rounding_error_early_is_not_repeated() -> None:
    """A microsecond counts as due, so that there is no second, endlessly short sleep."""
    assert ids(plan(NOW, [entry("a", due=NOW + 1e-7)], FREE, Limits()).reads) == ["a"]


def test_jobs_that_are_due_almost_together_are_read_together() -> None:
    """Within 20 ms of the first; a job that is due later waits for its own turn."""
    jobs = [entry("a"), entry("b", due=NOW + 0.019), entry("c", due=NOW + 0.5)]

    made = plan(NOW, jobs, FREE, Limits())

    assert ids(made.reads) == ["a", "b"]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_handful_is_read_one_by_one(count: int) -> None:
    """Up to four jobs, a list would not save requests."""
    made = plan(NOW, many(count), FREE, Limits())

    assert (len(made.reads), made.list_for) == (count, None)


def test_more_than_a_handful_is_listed() -> None:
    """From five jobs on, the pages of active jobs are read first, for one of the waiters."""
    jobs = many(5)

    made = plan(NOW, jobs, FREE, Limits())

    assert made.list_for is jobs[0].waiters[0]
    assert (made.reads, made.listed, made.postponed) == ([], jobs, [])


def test_one_due_job_among_many_is_listed_too() -> None:
    """The number of waits decides, not the number of jobs that are due."""
    jobs = [entry("a"), *many(5, due=NOW + 3)]

    assert plan(NOW, jobs, FREE, Limits()).list_for is not None


def test_jobs_that_need_a_read_of_their_own_are_not_listed() -> None:
    """A job missing in the last list, or at its deadline, is read by itself; if all due ones are, there is no list."""
    jobs = [
        entry("missing", is_unlisted=True),
        entry("last", waiter(ends=NOW + 0.01)),
        *many(5, due=NOW + 3),
    ]

    made = plan(NOW, jobs, FREE, Limits())

    assert ids(made.reads) == ["missing", "last"]
    assert made.list_for is None


def test_they_are_read_beside_a_list() -> None:
    """If others are due as well, those are listed; the jobs that are read whatever the list says do not wait for it."""
    jobs = [entry("missing", is_unlisted=True), *many(5)]

    made = plan(NOW, jobs, FREE, Limits())

    assert made.list_for is not None
    assert (ids(made.reads), made.listed) == (["missing"], jobs[1:])


def test_a_list_that_is_too_early_is_waited_for() -> None:
    """Jobs that come between two lists have their turn with the next one; those at their deadline have it now."""
    jobs = [entry("last", waiter(ends=NOW)), entry("soon", waiter(ends=NOW + 2)), *many(4)]

    made = plan(NOW, jobs, FREE, Limits(next_list=NOW + 3))

    assert ids(made.reads) == ["last"]
    assert turns(made.postponed) == {"soon": 2.0, "j0": 3.0, "j1": 3.0, "j2": 3.0, "j3": 3.0}


def test_between_two_lists_it_sleeps() -> None:
    """If there is nothing to read, the due jobs are postponed to the next list."""
    jobs = [*many(5), entry("early", due=NOW + 1)]

    made = plan(NOW, jobs, FREE, Limits(next_list=NOW + 3))

    assert made.reads == []
    assert turns(made.postponed) == {f"j{number}": 3.0 for number in range(5)}


def test_without_a_usable_list_all_are_read_one_by_one() -> None:
    """A key that may not list, or a list with too many pages: single reads, until the list is tried again."""
    jobs = many(9)

    assert len(plan(NOW, jobs, FREE, Limits(lists_again=NOW + 1)).reads) == 9
    assert plan(NOW, jobs, FREE, Limits(lists_again=NOW)).list_for is not None


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, [1]), (4, [4]), (19, [19]), (20, [20]), (21, [20, 1]), (45, [20, 20, 5])]
)
def test_a_source_with_bulk_reads_gets_full_requests(count: int, sizes: List[int]) -> None:
    """A request reads as many jobs as the source can, in their order."""
    made = plan(NOW, many(count), FREE, Limits(jobs_per_poll=20, lists_again=LATER))

    assert [len(group) for group in made.reads] == sizes
    assert [each.job_id for group in made.reads for each in group] == [f"j{number}" for number in range(count)]


def test_a_spent_budget_is_waited_for() -> None:
    """With nothing left no request is planned; all due jobs are postponed."""
    made = plan(
        NOW, [entry("a"), entry("b", waiter(ends=NOW + 9999, interval=900.0))], budget(0, reset_after=600), Limits()
    )

    assert made.reads == ()
    assert turns(made.postponed) == {"a": 600.0, "b": 900.0}


def test_a_spent_budget_does_not_postpone_beyond_a_deadline() -> None:
    """The job's next turn is at its first deadline, so that its wait can time out there."""
    made = plan(NOW, [entry("a", waiter(ends=NOW + 7))], budget(0), Limits())

    assert turns(made.postponed) == {"a": 7.0}


def test_a_budget_that_is_reset_by_now_is_not_spent() -> None:
    """The time since the report counts."""
    pace = Pace(RateLimit(limit=10, remaining=0, reset_after=60.0), age=60.0)

    assert ids(plan(NOW, [entry("a")], pace, Limits()).reads) == ["a"]

"""
Decide the poller's next step: whom to time out, what to read, what to postpone, how long to sleep.

Rule 1: pure functions. Nothing here waits, sends, reads a clock or changes an entry; the poller does, by the plan.
Rule 2: a few jobs are read one by one. More are read through the pages of active jobs: a job that is missing there is
finished, and is read once by itself. Pages have no progress, so a job whose progress is wanted is read by itself too.
Rule 3: the pace decides how soon a job has its next turn, but each deadline holds: the last turn is at the deadline.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, List, Sequence, Tuple

import attrs

if TYPE_CHECKING:
    from bluma_async.waiting.entries import Entry, Waiter
    from bluma_async.waiting.pace import Pace

__all__ = ["Limits", "Plan", "Turn", "next_list", "next_turn", "plan", "plan_reads"]

HANDFUL = 4  # jobs up to which each is read by itself
LIST_GAP = 1.0  # seconds at least between two lists of active jobs
DUE_TOGETHER = 0.02  # seconds; jobs that are due within them are read together
EARLY = 1e-6  # seconds by which a sleep may end too early, because moments are rounded
STEPS = 8  # of an interval, on which the turns of jobs that share requests are aligned

Turn = Tuple["Entry", float]


@attrs.frozen
class Limits:
    """
    The bounds of the next step that come from earlier ones, and from the source.

    Attributes:
        jobs_per_poll: How many jobs one request can read.
        next_list: The moment from which active jobs may be listed again.
        lists_again: The moment until which jobs are read one by one, because there is no usable list.
    """

    jobs_per_poll: int = 1
    next_list: float = -math.inf
    lists_again: float = -math.inf


@attrs.frozen
class Plan:
    """
    The poller's next step.

    Attributes:
        expired: Waits that time out now.
        postponed: Jobs that get their next turn at a later moment.
        list_for: The waiter for which active jobs are to be listed; None for no list.
        alone: Jobs that are read one by one after the list, even if the list has them.
        reads: The requests to send; each with the jobs that it reads.
        wake_at: The moment of the next plan; None for at once, after this step's requests.
    """

    expired: Sequence[Tuple[Entry, Waiter]] = ()
    postponed: Sequence[Turn] = ()
    list_for: Waiter | None = None
    alone: Sequence[Entry] = ()
    reads: Sequence[Sequence[Entry]] = ()
    wake_at: float | None = None


def plan(now: float, entries: Sequence[Entry], pace: Pace, limits: Limits) -> Plan:
    """
    Return the next step. Time-outs come before everything else, and a spent budget before any request.

    Args:
        now: The present moment.
        entries: All jobs that are waited for; each has a waiter.
        pace: How fast the budget allows requests now.
        limits: The bounds of this step.
    """
    expired = [(entry, waiter) for entry in entries for waiter in entry.waiters if waiter.ends <= entry.last_turn]
    if expired:
        return Plan(expired=expired)
    soonest = min((entry.due for entry in entries), default=now)
    if soonest > now + EARLY:
        return Plan(wake_at=soonest)
    step = _turns(now, entries, pace, limits)
    if step.reads or step.list_for is not None:
        return step
    later = {entry.job_id: moment for entry, moment in step.postponed}
    return attrs.evolve(step, wake_at=min((later.get(entry.job_id, entry.due) for entry in entries), default=now))


def plan_reads(now: float, entries: Sequence[Entry], pace: Pace, limits: Limits) -> Plan:
    """
    Return the requests that read these jobs, as many as the pace allows; the other jobs are postponed.

    A request without a free waiter is postponed by an interval: its waiters' callbacks are running.
    """
    size = limits.jobs_per_poll
    groups = [entries[start : start + size] for start in range(0, len(entries), size)]
    allowed = pace.allowance(len(groups))
    reads = [group for group in groups[:allowed] if _find_free(group) is not None]
    postponed = [
        (entry, next_turn(entry, now, now, limits))
        for group in groups[:allowed]
        if _find_free(group) is None
        for entry in group
    ]
    for place, group in enumerate(groups[allowed:], 1):
        postponed += [(entry, _before_deadline(entry, now, now + pace.pause(place))) for entry in group]
    return Plan(reads=reads, postponed=postponed)


def next_turn(entry: Entry, now: float, earliest: float, limits: Limits) -> float:
    """
    Return the moment of a job's next turn: after an interval, not before `earliest`, but at the next deadline.

    Jobs that share requests are aligned on eighths of the interval, so that they fall due together again. Otherwise
    requests would split into ever smaller ones.
    """
    moment = max(now + entry.interval, earliest)
    if limits.jobs_per_poll > 1:
        step = entry.interval / STEPS
        moment = math.ceil(moment / step) * step
    return _before_deadline(entry, now, moment)


def next_list(began: float, pace: Pace, requests: int, jobs: int) -> float:
    """
    Return the moment of the next list, after one that began at a moment and took so many requests.

    One request for each job is kept back: it will be read once more by itself, when it is finished.
    """
    return began + max(LIST_GAP, pace.pause(requests, kept=jobs))


def _turns(now: float, entries: Sequence[Entry], pace: Pace, limits: Limits) -> Plan:
    """Return what happens to the jobs that are due."""
    due = [entry for entry in entries if entry.due <= now + DUE_TOGETHER]
    if pace.is_spent:
        return _postpone(now, due, now + pace.spacing(), limits)
    if len(entries) <= HANDFUL or now < limits.lists_again:
        return plan_reads(now, due, pace, limits)
    alone, others = _separate(due, now)
    if others and now >= limits.next_list:
        waiter = _find_free(entries)
        return Plan(list_for=waiter, alone=alone) if waiter else _postpone(now, due, now, limits)
    step = plan_reads(now, alone, pace, limits)
    until_list = [(entry, _before_deadline(entry, now, limits.next_list)) for entry in others]
    return attrs.evolve(step, postponed=[*step.postponed, *until_list])


def _separate(due: Sequence[Entry], now: float) -> Tuple[List[Entry], List[Entry]]:
    """Return the jobs that are read by themselves, and those for which a list is enough."""
    alone: List[Entry] = []
    others: List[Entry] = []
    for entry in due:
        (alone if entry.is_unlisted or entry.ends <= now + DUE_TOGETHER else others).append(entry)
    return alone, others


def _postpone(now: float, entries: Sequence[Entry], earliest: float, limits: Limits) -> Plan:
    return Plan(postponed=[(entry, next_turn(entry, now, earliest, limits)) for entry in entries])


def _find_free(entries: Sequence[Entry]) -> Waiter | None:
    return next((entry.free_waiter for entry in entries if entry.free_waiter), None)


def _before_deadline(entry: Entry, now: float, moment: float) -> float:
    return min([moment, *(waiter.ends for waiter in entry.waiters if waiter.ends > now)])

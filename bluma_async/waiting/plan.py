"""
Decide the poller's next step: whom to time out, what to read, what to postpone, and when to wake up.

Rule 1: pure functions. Nothing here waits, sends, reads a clock or changes an entry; the poller does, by the plan.
Rule 2: a few jobs are read one by one. More are read through the pages of active jobs: a job that is missing there is
finished, and is read once by itself. Pages have no progress, so a job whose progress is wanted is read by itself too.
Rule 3: the pace decides how soon a job has its next turn, but each deadline holds: the last turn is at the deadline.
Rule 4: if a list fails, one job is read by itself at each turn, so that a server that is down gets no more requests
than before. Its answer shows that the server is up: then a list is tried once more, and if that fails too, jobs are
read one by one for a time.
Rule 5: a request in flight never delays the deadline of a wait, and other copies' waits for `OTHER_COPY` at most.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Iterator, List, Sequence, Tuple

import attrs

from bluma_async.waiting.entries import OTHER_COPY, find_sender
from bluma_async.waiting.list_limits import ListState

if TYPE_CHECKING:
    from bluma_async.waiting.entries import Entry, Waiter
    from bluma_async.waiting.list_limits import Limits
    from bluma_async.waiting.pace import Pace

__all__ = [
    "DUE_TOGETHER",
    "Plan",
    "Turn",
    "before_deadline",
    "next_turn",
    "next_wake",
    "plan",
    "plan_reads",
]

HANDFUL = 4  # jobs up to which each is read by itself
DUE_TOGETHER = 0.02  # seconds; jobs that are due within them are read together
EARLY = 1e-6  # seconds by which a sleep may end too early, because moments are rounded
STEPS = 8  # of an interval, on which the turns of jobs that share requests are aligned

Turn = Tuple["Entry", float]
Pair = Tuple["Entry", "Waiter"]


@attrs.frozen
class Plan:
    """
    The poller's next step.

    Attributes:
        expired: Waits that time out now.
        silent: Waits that report now that no answer has come. After a step with one of these two, the next step is
            planned at once.
        deferred: Jobs that have no turn now, because a request in flight reads them or none may be sent, and when they
            are due again.
        postponed: Jobs whose turn is postponed to a later moment.
        list_for: The waiter for which active jobs are to be listed; None for no list.
        listed: The jobs that get their turn from that list.
        reads: The requests to send; each with the jobs that it reads.
    """

    expired: Sequence[Pair] = ()
    silent: Sequence[Pair] = ()
    deferred: Sequence[Turn] = ()
    postponed: Sequence[Turn] = ()
    list_for: Waiter | None = None
    listed: Sequence[Entry] = ()
    reads: Sequence[Sequence[Entry]] = ()


def plan(now: float, entries: Sequence[Entry], pace: Pace, limits: Limits) -> Plan:
    """
    Return the next step. Time-outs come before everything else, and a spent budget before any request.

    Args:
        now: The present moment.
        entries: All jobs that are waited for; each has a waiter.
        pace: How fast the budget allows requests now.
        limits: The bounds of this step.
    """
    expired, silent = _find_expired_and_silent(now, entries)
    if expired or silent:
        return Plan(expired=expired, silent=silent)
    due = [entry for entry in entries if entry.due <= now + DUE_TOGETHER]
    if all(entry.due > now + EARLY for entry in due):
        return Plan()
    free: List[Entry] = []
    held: List[Entry] = []
    for entry in due:
        (held if _is_held(entry, now) else free).append(entry)
    step = _turns(now, entries, free, pace, limits)
    return attrs.evolve(step, deferred=[*step.deferred, *_postpone_until(now, held, now + OTHER_COPY)])


def plan_reads(now: float, entries: Sequence[Entry], pace: Pace, limits: Limits) -> Plan:
    """
    Return the requests that read these jobs, as many as the pace allows; the other jobs are postponed.

    A request without a free waiter is postponed by an interval: its waiters' callbacks are running.
    """
    size = limits.jobs_per_poll
    groups = [entries[start : start + size] for start in range(0, len(entries), size)]
    allowed = pace.allowance(len(groups))
    reads: List[Sequence[Entry]] = []
    postponed: List[Turn] = []
    for group in groups[:allowed]:
        if any(entry.find_sender(now) is not None for entry in group):
            reads.append(group)
        else:
            postponed += [(entry, next_turn(entry, now, now, limits)) for entry in group]
    for place, group in enumerate(groups[allowed:], 1):
        postponed += [(entry, before_deadline(entry, now, now + pace.pause(place))) for entry in group]
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
    return before_deadline(entry, now, moment)


def next_wake(now: float, entries: Sequence[Entry]) -> float:
    """Return the moment at which the next step is planned, unless a request ends before: infinity for no jobs."""
    moments = [entry.due for entry in entries]
    for entry in entries:  # with few calls: a thousand jobs are planned a thousand times
        for waiter in entry.waiters:
            if waiter.ends > now:
                moments.append(waiter.ends)
            else:  # its turn at the deadline is over: a turn that was postponed may be much later
                moments.append(now if waiter.ends <= entry.last_turn else entry.last_moment(waiter))
            if not waiter.contact.is_reached and waiter.contact.reports_at is not None:
                moments.append(waiter.contact.reports_at)
    return min(moments, default=math.inf)


def before_deadline(entry: Entry, now: float, moment: float) -> float:
    """Return the moment, or the next deadline of the job's waits, if that is sooner."""
    return min([moment, *(waiter.ends for waiter in entry.waiters if waiter.ends > now)])


def _turns(now: float, entries: Sequence[Entry], due: Sequence[Entry], pace: Pace, limits: Limits) -> Plan:
    """Return what happens to the jobs that are due."""
    if pace.is_spent:
        return _postpone(now, due, now + pace.spacing(), limits)
    if len(entries) <= HANDFUL or now < limits.lists_again:
        return plan_reads(now, due, pace, limits)
    alone, others = _separate(due, now)
    step = plan_reads(now, alone, pace, limits)
    if not others:
        return step
    if limits.list_state is ListState.FAILED:
        return _try_one(now, entries, others, pace, limits, step)
    return _list_others(now, entries, others, limits, step)


def _list_others(now: float, entries: Sequence[Entry], others: Sequence[Entry], limits: Limits, step: Plan) -> Plan:
    """Add a list for these jobs to a step, or postpone them."""
    if now < limits.next_list:
        return attrs.evolve(step, postponed=[*step.postponed, *_postpone_until(now, others, limits.next_list)])
    waiter = find_sender((waiter for _, waiter in _pairs(entries)), limits.lists, now)
    if waiter is None:
        return attrs.evolve(step, postponed=[*step.postponed, *_postpone(now, others, now, limits).postponed])
    return attrs.evolve(step, list_for=waiter, listed=others)


def _try_one(
    now: float, entries: Sequence[Entry], others: Sequence[Entry], pace: Pace, limits: Limits, step: Plan
) -> Plan:
    """
    Add one of the jobs for which a list would be enough to a step that reads none, and postpone the others.

    The job whose turn was longest ago is tried, so that one that cannot be read does not stand for the server. None is
    tried while a request is in flight, or before all jobs may have that turn.
    """
    if now < limits.next_try:  # they have had no turn, so the order of the next tries stays
        return attrs.evolve(step, deferred=_postpone_until(now, others, limits.next_try))
    polls = [poll for entry in entries for poll in entry.polls]
    ready = [entry for entry in others if find_sender(entry.waiters, polls, now) is not None]
    if step.reads or not ready:
        return attrs.evolve(step, postponed=[*step.postponed, *_postpone(now, others, now, limits).postponed])
    tried = min(ready, key=lambda entry: entry.last_turn)
    rest = _postpone(now, [entry for entry in others if entry is not tried], now, limits).postponed
    return attrs.evolve(plan_reads(now, [tried], pace, limits), postponed=[*step.postponed, *rest])


def _separate(due: Sequence[Entry], now: float) -> Tuple[List[Entry], List[Entry]]:
    """Return the jobs that are read by themselves, and those for which a list is enough."""
    alone: List[Entry] = []
    others: List[Entry] = []
    for entry in due:
        is_alone = entry.is_unlisted or bool(entry.polls) or entry.ends <= now + DUE_TOGETHER
        (alone if is_alone else others).append(entry)
    return alone, others


def _postpone(now: float, entries: Sequence[Entry], earliest: float, limits: Limits) -> Plan:
    return Plan(postponed=[(entry, next_turn(entry, now, earliest, limits)) for entry in entries])


def _postpone_until(now: float, entries: Sequence[Entry], moment: float) -> List[Turn]:
    return [(entry, before_deadline(entry, now, moment)) for entry in entries]


def _pairs(entries: Sequence[Entry]) -> Iterator[Pair]:
    return ((entry, waiter) for entry in entries for waiter in entry.waiters)


def _is_held(entry: Entry, now: float) -> bool:
    """Return whether a request that was planned before gives the job its turn."""
    waits_in_queue = entry.is_queued and entry.ends > now + DUE_TOGETHER
    return waits_in_queue or (bool(entry.polls) and entry.find_sender(now) is None)


def _find_expired_and_silent(now: float, entries: Sequence[Entry]) -> Tuple[List[Pair], List[Pair]]:
    """Return the waits that time out, and those whose missing answer is to be reported."""
    expired: List[Pair] = []
    silent: List[Pair] = []
    soon = now + EARLY
    for entry in entries:  # with few calls, as in `next_wake`
        last_turn, polls = entry.last_turn, entry.polls
        for waiter in entry.waiters:
            if waiter.ends <= last_turn or (polls and entry.last_moment(waiter) <= soon):
                expired.append((entry, waiter))
            if not waiter.contact.is_reached:
                reports_at = waiter.contact.reports_at
                if reports_at is not None and reports_at <= soon:
                    silent.append((entry, waiter))
    return expired, silent

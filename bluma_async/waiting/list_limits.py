"""
The bounds of the poller's next step that come from earlier ones: when a list is allowed, and what is known about lists.

Pure functions, as in `plan.py`.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import TYPE_CHECKING, Sequence, Tuple

import attrs

if TYPE_CHECKING:
    from bluma_async.waiting.entries import Entry, Poll
    from bluma_async.waiting.pace import Pace

__all__ = ["RELIST", "SUSPECT_TIME", "Limits", "ListState", "after_failed_list", "after_failed_read", "next_list"]

RELIST = 60.0  # seconds before a list that was refused, failed, or had too many pages, is tried again
SUSPECT_TIME = 1.0  # seconds that a list may take after one that failed, although the server is up
LIST_GAP = 1.0  # seconds at least between two lists of active jobs


class ListState(Enum):
    """What is known about lists of active jobs."""

    USABLE = "usable"
    FAILED = "failed"  # the last one failed, and no answer has come since: the server may be down
    SUSPECT = "suspect"  # the last one failed, and a job that was read by itself was answered since


@attrs.frozen
class Limits:
    """
    The bounds of the next step that come from earlier ones, and from the source.

    Attributes:
        jobs_per_poll: How many jobs one request can read.
        next_list: The moment from which active jobs may be listed again.
        lists_again: The moment until which jobs are read one by one, because there is no usable list.
        lists: The lists in flight.
        list_state: What is known about lists.
        next_try: The moment from which a job may be read by itself to find out whether the server is up again.
    """

    jobs_per_poll: int = 1
    next_list: float = -math.inf
    lists_again: float = -math.inf
    lists: Tuple[Poll, ...] = ()
    list_state: ListState = ListState.USABLE
    next_try: float = -math.inf

    @property
    def list_time(self) -> float:
        """The most seconds that a list may take. One that may fail again has no time for the retries of its copy."""
        return SUSPECT_TIME if self.list_state is ListState.SUSPECT else math.inf


def next_list(began: float, pace: Pace, requests: int, jobs: int) -> float:
    """
    Return the moment of the next list, after one that began at a moment and took so many requests.

    One request for each job is kept back: it will be read once more by itself, when it is finished.
    """
    return began + max(LIST_GAP, pace.pause(requests, kept=jobs))


def after_failed_list(limits: Limits, began: float, pause: float, pace: Pace, jobs: int) -> Limits:
    """
    Return the limits after a list that failed for now: it was not answered, or the server could not make it.

    `pause` are the seconds in which the server wants no request.
    """
    if limits.list_state is ListState.SUSPECT:
        return attrs.evolve(limits, lists_again=began + RELIST, list_state=ListState.USABLE)
    moment = next_list(began, pace, 1, jobs)
    return attrs.evolve(limits, next_list=moment, next_try=began + pause, list_state=ListState.FAILED)


def after_failed_read(limits: Limits, now: float, pause: float, entries: Sequence[Entry]) -> Limits:
    """Return the limits after a read that failed for now. While lists fail, all jobs have one such turn together."""
    return attrs.evolve(limits, next_try=now + max([LIST_GAP, pause, *(entry.interval for entry in entries)]))

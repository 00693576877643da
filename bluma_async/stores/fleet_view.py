"""A view of the processes that work on the jobs of a store, for people who watch them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Tuple

import attrs

if TYPE_CHECKING:
    from bluma_async.stores.jobs import BatchStatus

__all__ = ["BudgetView", "FleetView", "WorkerView"]


@attrs.frozen
class WorkerView:
    """
    A process that has not ended.

    Attributes:
        name: Its host and process id.
        epoch: Its number.
        held: Jobs that it holds.
        creating: Those of them whose create is open.
        ends_in: Seconds until its lease ends; negative if it did not renew it.
    """

    name: str
    epoch: int
    held: int
    creating: int
    ends_in: float


@attrs.frozen
class BudgetView:
    """
    The budget of a key.

    Attributes:
        fingerprint: The key's fingerprint, which says nothing about the key.
        available: Requests that no process has leased.
        quota: Requests allowed in a window.
        resets_in: Seconds until the window ends.
    """

    fingerprint: str
    available: int
    quota: int
    resets_in: float


@attrs.frozen(kw_only=True)
class FleetView:
    """
    A batch, and the processes that work on it. A store of one process knows of no processes and no budget.

    Attributes:
        status: The number of jobs in each state.
        oldest_intent: Seconds since the oldest open create was last sent; None if none is open.
        strays: Paid videos that belong to no job.
    """

    status: BatchStatus
    workers: Tuple[WorkerView, ...] = ()
    budgets: Tuple[BudgetView, ...] = ()
    oldest_intent: float | None = None
    strays: int = 0

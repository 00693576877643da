"""A view of the processes that work on the jobs of a store, for people who watch them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Tuple

import attrs

if TYPE_CHECKING:
    from bluma_async.stores.jobs import BatchStatus

__all__ = ["BudgetView", "CreateView", "FleetView", "WorkerView"]


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


@attrs.frozen
class CreateView:
    """
    A create that was announced and has no outcome yet. It holds the turn of its template.

    Attributes:
        key: The key of its job, or of the create without a job; None if it has none.
        template_id: Its template; None if it is made from a variant.
        worker: The process that works on it; None if none does.
        age: Seconds since its last attempt was announced.
    """

    key: str | None
    template_id: str | None
    worker: str | None
    age: float


@attrs.frozen(kw_only=True)
class FleetView:
    """
    A batch, and the processes that work on it. A store of one process knows of no processes and no budget.

    Attributes:
        status: The number of jobs in each state.
        creates: The open creates, the oldest first; at most 100.
        strays: Paid videos that belong to no job.
    """

    status: BatchStatus
    workers: Tuple[WorkerView, ...] = ()
    budgets: Tuple[BudgetView, ...] = ()
    creates: Tuple[CreateView, ...] = ()
    strays: int = 0

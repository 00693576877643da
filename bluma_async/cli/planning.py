"""The lines that `bluma batch run --dry-run` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator

if TYPE_CHECKING:
    from bluma_async.batch.plans import BatchPlan, PlannedCost

__all__ = ["describe_plan"]

FATES = ("new", "done", "unfinished", "left", "duplicate", "reused", "invalid")


def describe_plan(plan: BatchPlan, max_credits: float | None = None) -> Iterator[str]:
    """Yield the lines that describe a plan."""
    counts = ", ".join(f"{getattr(plan, fate)} {fate}" for fate in FATES if getattr(plan, fate))
    yield f"{plan.total} jobs: {counts or 'none'}"
    yield from (f"  {problem}" for problem in plan.problems)
    yield from map(_describe_cost, plan.costs)
    yield from _describe_credits(plan, max_credits)
    yield from _describe_requests(plan)
    if plan.bytes_free is not None:
        yield f"Disk: about {_format_bytes(plan.bytes_needed)} needed, {_format_bytes(plan.bytes_free)} free"
        if plan.bytes_needed > plan.bytes_free:
            yield "The space does not suffice: the run would stop when it is used up."
    yield "Nothing was created."


def _describe_cost(cost: PlannedCost) -> str:
    name = cost.template_id or "unknown template"
    if cost.variant_id is not None:
        name = f"{cost.variant_id} of {name}"
    price = "price unknown" if cost.credits is None else f"{cost.credits} credits ({cost.credits_each} each)"
    return f"  {name}, {cost.resolution or 'default resolution'}: {cost.jobs} videos, {price}"


def _describe_credits(plan: BatchPlan, max_credits: float | None) -> Iterator[str]:
    price = "unknown" if plan.credits is None else str(plan.credits)
    after = "" if plan.balance_after is None else f", {plan.balance_after} after the run"
    yield f"Credits: {price} needed" + ("" if plan.balance is None else f"; balance {plan.balance}{after}")
    if plan.balance_after is not None and plan.balance_after < 0:
        yield "The balance does not suffice: the run would stop when it is used up."
    if max_credits is not None and plan.credits is not None and plan.credits > max_credits:
        yield f"The run would stop before --max-credits {max_credits:g} is exceeded."


def _describe_requests(plan: BatchPlan) -> Iterator[str]:
    line = f"Requests: at least {plan.requests}"
    if plan.requests_per_hour is not None:
        line += f"; {plan.requests_left} of {plan.requests_per_hour} an hour are left"
    if plan.hours:
        line += f", so the run takes at least {plan.hours:.1f} hours"
    yield line


def _format_bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"

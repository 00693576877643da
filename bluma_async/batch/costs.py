"""
Complete a plan: prices, balance, requests and disk space.

Rule: prices come from the API, read when the plan is made. What the key may not read stays unknown, and is None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Tuple

from bluma_async._runtime.threads import in_thread
from bluma_async.batch.plans import BatchPlan, PlannedCost
from bluma_async.errors import ForbiddenError, NotFoundError
from bluma_async.resources._creates.estimating import consumes_credits, find_variant_template
from bluma_async.resources.credits import Credits

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async.batch.catalog import Catalog
    from bluma_async.batch.options import BatchOptions
    from bluma_async.batch.tally import Kind, Tally

__all__ = ["complete_plan"]

BYTES_A_SECOND = 8_453_120 / 45  # of the quickstart's video, at the default resolution
PIXELS = {"1080p": 2.25, "4k": 9.0}  # against 720p
USUAL_SECONDS = 60.0  # of a template that names no duration; none of the quickstart's is longer
Named = Tuple["str | None", "str | None", "str | None"]  # template, variant, resolution


async def complete_plan(session: Session, catalog: Catalog, options: BatchOptions, tally: Tally) -> BatchPlan:
    """
    Return the plan of the rows that were counted.

    Raises:
        BlumaError: The API cannot be reached.
    """
    counts = tally.list_counts()
    plan = BatchPlan(total=sum(counts.values()), problems=tally.list_problems())
    for fate, jobs in counts.items():
        setattr(plan, fate, jobs)
    plan.costs = [
        await _price(session, catalog, named, jobs) for named, jobs in sorted(_merge(tally).items(), key=_place)
    ]
    prices = [cost.credits for cost in plan.costs if cost.credits is not None]
    plan.credits = sum(prices) if len(prices) == len(plan.costs) else None
    await _read_balance(session, plan)
    _count_requests(session, options, plan)
    if options.files is not None:
        plan.bytes_needed = sum(cost.jobs * _estimate_bytes(catalog, cost) for cost in plan.costs)
        plan.bytes_free = await in_thread(options.files.measure_free)
    return plan


def _merge(tally: Tally) -> Dict[Named, int]:
    """Return how many videos of each template, variant and resolution would be billed, whatever their other options."""
    merged: Dict[Named, int] = {}
    for kind, jobs in tally.list_bills():
        named = _name(kind)
        merged[named] = merged.get(named, 0) + jobs
    return merged


def _name(kind: Kind) -> Named:
    return kind.template_id, kind.variant_id, kind.resolution


def _place(entry: Tuple[Named, int]) -> List[str]:
    return [part or "" for part in entry[0]]


async def _price(session: Session, catalog: Catalog, named: Named, jobs: int) -> PlannedCost:
    template_id, variant_id, resolution = named
    if variant_id is not None:
        template_id = await _find_template(session, variant_id)
    price = None
    if template_id is not None:
        await catalog.prepare([template_id], must_read=True)
        price = session.shared.prices.estimate(session.options, template_id, resolution, variant_id).credits
    return PlannedCost(
        template_id=template_id,
        variant_id=variant_id,
        resolution=resolution,
        jobs=jobs,
        credits_each=price,
        credits=None if price is None else price * jobs,
    )


async def _find_template(session: Session, variant_id: str) -> str | None:
    try:
        return await find_variant_template(session, variant_id)
    except (ForbiddenError, NotFoundError):
        return None


async def _read_balance(session: Session, plan: BatchPlan) -> None:
    try:
        plan.balance = (await Credits(session).get_balance()).credits
    except ForbiddenError:
        return
    spent = plan.credits if consumes_credits(session) else 0
    plan.balance_after = None if spent is None else plan.balance - spent


def _count_requests(session: Session, options: BatchOptions, plan: BatchPlan) -> None:
    links = 1 if options.saves_files else 0
    billed = sum(cost.jobs for cost in plan.costs)
    plan.requests = billed * (2 + links) + plan.unfinished * (1 + links) + plan.reused * (2 + links)
    budget = session.rate_limit
    if budget is not None:
        plan.requests_per_hour, plan.requests_left = budget.limit, budget.remaining
        plan.hours = max(plan.requests - budget.remaining, 0) / budget.limit if budget.limit else None


def _estimate_bytes(catalog: Catalog, cost: PlannedCost) -> int:
    template = catalog.find(cost.template_id)
    known: Any = None
    if template is not None:
        known = template.duration_range.get("max") if template.duration_range else template.duration
    seconds: float = known if isinstance(known, (int, float)) and known > 0 else USUAL_SECONDS
    return round(seconds * BYTES_A_SECOND * PIXELS.get(cost.resolution or "", 1.0))

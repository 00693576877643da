"""
Complete a plan: prices, balance, requests and disk space.

Rule: prices come from the API, read when the plan is made. What the key may not read stays unknown, and is None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Tuple

from bluma_async._runtime.threads import in_thread
from bluma_async._wire.prices import build_price_key
from bluma_async.batch.plans import BatchPlan, PlannedCost
from bluma_async.errors import ForbiddenError, NotFoundError
from bluma_async.resources._creates.estimating import consumes_credits, find_variant_template
from bluma_async.resources.credits import Credits

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async._wire.prices import PriceKey
    from bluma_async.batch.catalog import Catalog
    from bluma_async.batch.options import BatchOptions
    from bluma_async.batch.tally import Kind, Tally
    from bluma_async.types import Template

__all__ = ["complete_plan"]

BYTES_A_SECOND = 8_453_120 / 45  # of the quickstart's video, at the default resolution
PIXELS = {"1080p": 2.25, "4k": 9.0}  # against 720p
USUAL_SECONDS = 60.0  # of a template that names no duration; none of the quickstart's is longer
Templates = Mapping["PriceKey", "str | None"]  # the id of the template, also of a variant


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
    bills, files = _merge(tally.list_bills()), {} if options.files is None else _merge(tally.list_files())
    templates = await _find_templates(session, catalog, {**bills, **files})
    plan.costs = [_price(session, key, templates[key], jobs) for key, jobs in sorted(bills.items(), key=_place)]
    prices = [cost.credits for cost in plan.costs if cost.credits is not None]
    plan.credits = sum(prices) if len(prices) == len(plan.costs) else None
    await _read_balance(session, plan)
    _count_requests(session, options, plan)
    if options.files is not None:
        plan.bytes_needed = _count_bytes(catalog, templates, files)
        plan.bytes_free = await in_thread(options.files.measure_free)
    return plan


def _merge(kinds: Iterable[Tuple[Kind, int]]) -> Dict[PriceKey, int]:
    """Return how many videos have each price, whatever their other options."""
    merged: Dict[PriceKey, int] = {}
    for kind, jobs in kinds:
        key = build_price_key(kind.template_id, kind.variant_id, kind.resolution)
        merged[key] = merged.get(key, 0) + jobs
    return merged


def _place(entry: Tuple[PriceKey, int]) -> List[str]:
    return [part or "" for part in entry[0]]


async def _find_templates(session: Session, catalog: Catalog, keys: Iterable[PriceKey]) -> Templates:
    """Return the template of each key, which is read; None for a variant of no listed template."""
    found: Dict[PriceKey, str | None] = {}
    for key in keys:
        template_id = key.template_id if key.variant_id is None else await _find_template(session, key.variant_id)
        found[key] = template_id
        if template_id is not None:
            await catalog.prepare([template_id], must_read=True)
    return found


def _price(session: Session, key: PriceKey, template_id: str | None, jobs: int) -> PlannedCost:
    _, variant_id, resolution = key
    price = None
    if template_id is not None:
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


def _count_bytes(catalog: Catalog, templates: Templates, files: Mapping[PriceKey, int]) -> int:
    return sum(jobs * _estimate_bytes(catalog.find(templates[key]), key.resolution) for key, jobs in files.items())


def _estimate_bytes(template: Template | None, resolution: str | None) -> int:
    known: Any = None
    if template is not None:
        known = template.duration_range.get("max") if template.duration_range else template.duration
    seconds: float = known if isinstance(known, (int, float)) and known > 0 else USUAL_SECONDS
    return round(seconds * BYTES_A_SECOND * PIXELS.get(resolution or "", 1.0))

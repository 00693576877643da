"""`max_credits` holds, whatever the answers leave out; prices come from the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch
from bluma_async.batch.credit_limit import CreditLimit
from bluma_async.sandbox import Sandbox
from tests.batch.helpers import TEMPLATE, forget_process, make_rows, run_all
from tests.fakes import FakeClock, FakeTransport, answer


class Api:
    """A model of the API with prices; creates and reads name a charge only if it is set."""

    def __init__(self, prices: Dict[str, Optional[int]], created: Any = None, read: Any = None) -> None:
        self.prices = prices
        self.created = {} if created is None else {"credits_charged": created}
        self.read = {} if read is None else {"credits_charged": read}
        self.posts = 0

    def serve(self, request: Any) -> Any:
        video = {"status": "completed", "created_at": "2025-11-03T10:30:00Z"}
        if request.method == "POST":
            self.posts += 1
            return answer(202, {**video, "id": f"batch_{self.posts}", **self.created})
        if request.url.partition("?")[0].endswith("/templates"):
            return answer(200, {"templates": [self._show(name) for name in self.prices]})
        if "/templates/" in request.url:
            return answer(200, self._show(request.url.rsplit("/", 1)[1]))
        if "/videos/" in request.url:
            return answer(200, {**video, "id": request.url.rsplit("/", 1)[1], **self.read})
        return answer(200, {"videos": [], "pagination": {"total": 0}})

    def _show(self, name: str) -> Dict[str, Any]:
        price = self.prices[name]
        return {"id": name} if price is None else {"id": name, "credits_per_video": price}


async def run_limited(api: Api, folder: Path, limit: float, jobs: List[Any]) -> Batch:
    """Run jobs under a limit, one at a time, and return the batch."""
    clock = FakeClock()
    async with AsyncBluma("bluma_test_key", transport=FakeTransport(api.serve, clock=clock), clock=clock) as client:
        batch = client.batch(folder / "journal", max_credits=limit, concurrency=1)
        await run_all(batch, jobs)
    return batch


async def test_a_create_that_names_no_charge_costs_its_estimate(tmp_path: Path) -> None:
    """Ten jobs of 2 credits, and a limit of 6: three are created, and the next run with this limit creates none."""
    api = Api({TEMPLATE: 2})

    batch = await run_limited(api, tmp_path, 6, make_rows(10))
    again = await run_limited(api, tmp_path, 6, make_rows(10))

    assert (api.posts, (await batch.status()).credits_net) == (3, 6)
    assert isinstance(batch.stopped, errors.InsufficientCreditsError)
    assert isinstance(again.stopped, errors.InsufficientCreditsError)


@pytest.mark.parametrize(("charged", "posts"), [(1, 5), (3, 2)])
async def test_a_later_reading_corrects_the_estimate(tmp_path: Path, charged: int, posts: int) -> None:
    """The finished video names its charge: the journal and the limit count that one, be it lower or higher."""
    api = Api({TEMPLATE: 2}, read=charged)

    batch = await run_limited(api, tmp_path, 6, make_rows(10))

    assert (api.posts, (await batch.status()).credits_net) == (posts, posts * charged)


@pytest.mark.filterwarnings("ignore::bluma_async._runtime.notices.BlumaWarning")  # 8k is not documented
@pytest.mark.parametrize(("resolution", "posts"), [(None, 2), ("1080p", 1), ("8k", 0)])
async def test_a_variant_may_be_of_the_dearest_template(tmp_path: Path, resolution: Any, posts: int) -> None:
    """Its template is unknown: the highest price of all templates is assumed, at the resolution, or at the dearest."""
    api = Api({"cheap": 1, "dear": 5}, created=5)
    jobs = [{"variant_id": "v", "prompt": f"{n}", "resolution": resolution} for n in range(4)]

    await run_limited(api, tmp_path, 12, jobs)

    assert api.posts == posts


@pytest.mark.parametrize("prices", [{}, {"free": None}, {"known": 1, "unknown": None}])
async def test_a_price_that_cannot_be_known_is_refused(tmp_path: Path, prices: Any) -> None:
    """A variant may be of a template without a price: under a limit nothing is submitted, and the error says why."""
    api = Api(prices)

    batch = await run_limited(api, tmp_path, 1000, [{"variant_id": "v", "prompt": "x"}])

    assert "cannot be known" in str(batch.stopped)
    assert (api.posts, (await batch.status()).planned) == (0, 1)


async def test_a_template_without_a_price_is_refused(tmp_path: Path) -> None:
    """Its estimate would be 0, and no limit would ever hold."""
    api = Api({TEMPLATE: None})

    batch = await run_limited(api, tmp_path, 1000, make_rows(1))

    assert "cannot be known" in str(batch.stopped)
    assert api.posts == 0


async def test_creates_that_may_be_billed_count(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Two jobs in doubt may cost 4 credits: of a limit of 6, one more job may be created, also after a restart."""
    quick.faults.add("POST /videos", "drop_after", times=2)
    first = client.batch(out=tmp_path, max_credits=6, concurrency=1, poll_interval=0.01)
    await run_all(first, make_rows(5))
    forget_process(client)
    again = client.batch(out=tmp_path, max_credits=6, concurrency=1, poll_interval=0.01)
    await run_all(again, make_rows(5))

    status = await again.status()
    assert (status.in_doubt, status.saved, status.planned) == (2, 1, 2)
    assert quick.state()["billed"] == 3


@pytest.mark.parametrize("resolutions", [(None, "720p"), ("720p", None)])
async def test_a_charge_counts_for_the_default_resolution_however_it_is_written(
    tmp_path: Path, resolutions: Tuple[Optional[str], Optional[str]]
) -> None:
    """720p and no resolution are one price: a charge above the listed price keeps the next create within the limit."""
    api = Api({TEMPLATE: 7}, created=14)
    jobs = [{**row, "resolution": given} for row, given in zip(make_rows(2), resolutions)]

    batch = await run_limited(api, tmp_path, 21, jobs)

    assert (api.posts, (await batch.status()).credits_net) == (1, 14)


def test_holds_end_with_the_charge_or_the_refusal() -> None:
    """A create in flight, one that was refused, and one that was billed."""
    limit = CreditLimit(4, 0)
    limit.learn("t", 2)
    limit.hold(1, "t", None)
    limit.hold(2, "t", None)
    with pytest.raises(errors.InsufficientCreditsError, match="costs 2 credits, and 4 of max_credits=4"):
        limit.hold(3, "t", None)
    limit.release(1)
    limit.spend(2, "t", None, 2)

    limit.hold(3, "t", None)
    with pytest.raises(errors.InsufficientCreditsError):
        limit.hold(4, "t", None)


def test_what_is_left_is_what_a_create_may_cost() -> None:
    """Spent and held credits are not left; nothing is if a held price is unknown. No limit is not a number."""
    limit = CreditLimit(10, 3)
    limit.learn(TEMPLATE, 2)
    at_first = limit.left
    limit.hold(1, TEMPLATE, None)
    held = limit.left
    limit.spend(1, TEMPLATE, None, 2)
    spent = limit.left
    limit.refund(2)
    refunded = limit.left
    limit.hold_open(2, "unknown", None)

    assert (at_first, held, spent, refunded, limit.left) == (7, 5, 5, 7, 0)
    assert (CreditLimit(2, 5).left, CreditLimit(None, 5).left, CreditLimit(9, 0, is_shared=True).left) == (
        0,
        None,
        None,
    )

"""`videos.estimate`: prices come from the API, whatever they are; nothing is created."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox, catalog
from tests.fakes import answer, client_with

PROMPT = {"prompt": "Explain why the sky is blue"}
PRICES = {"consumerclub-discord-zoomed": 1, "cat-explainer-v2": 7, "rick-morty-explainer": 13}
PRICES.update({"steel-griffin-explainer": 5, "ugc-text-overlay": 101, "meme-dialogue": 3})
RESOLUTIONS = [None, "720p", "1080p", "4k"]


@pytest.fixture
def surprising(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the sandbox's prices to values that no document names."""
    for name, price in PRICES.items():
        monkeypatch.setitem(catalog.BY_ID[name], "credits_per_video", price)


async def make_kinds(client: AsyncBluma) -> List[Dict[str, Any]]:
    """Return every template, and a variant of each, at every resolution, as rows of a batch."""
    variants = [(await client.variants.create(name, "mine")).id for name in PRICES]
    origins: List[Dict[str, Any]] = [{"template_id": name} for name in PRICES]
    origins += [{"variant_id": variant} for variant in variants]
    return [{**origin, "resolution": resolution} for origin in origins for resolution in RESOLUTIONS]


def to_arguments(row: Dict[str, Any]) -> Dict[str, Any]:
    """Return a row as the arguments of a create."""
    options = {"resolution": row["resolution"]} if row["resolution"] else None
    return {
        "context": PROMPT,
        "template_id": row.get("template_id"),
        "variant_id": row.get("variant_id"),
        "options": options,
    }


def name_kind(row: Dict[str, Any]) -> Tuple[Any, ...]:
    """Return what decides the price of a row."""
    return row.get("template_id"), row.get("variant_id"), row["resolution"]


async def test_the_estimate_is_what_the_ledger_records(surprising: None, tmp_path: Path) -> None:
    """1,000 random jobs over all templates, resolutions and variants: the plan, the estimates and the ledger agree."""
    async with Sandbox(clock="manual", render=False, credits=10**6, rate_limit=10**6) as sandbox:
        async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url) as client:
            kinds = await make_kinds(client)
            rows = [{**kind, "key": f"k{n}"} for n, kind in enumerate(random.Random(14).choices(kinds, k=1000))]

            plan = await client.batch(tmp_path / "journal").plan([{**row, **PROMPT} for row in rows])
            each = {name_kind(kind): (await client.videos.estimate(**to_arguments(kind))).credits for kind in kinds}
            videos = await asyncio.gather(*(client.videos.create(**to_arguments(row)) for row in rows))

        charged = {entry["metadata"]["video_id"]: -entry["amount"] for entry in sandbox.ledger.transactions[:-1]}
        assert plan.credits == sum(charged.values())
        assert [each[name_kind(row)] for row in rows] == [charged[video.id] for video in videos]
        assert plan.balance_after == sandbox.ledger.balance


async def test_a_charge_is_better_than_a_computed_price(
    sandbox: Sandbox, client: AsyncBluma, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Factors that differ from the documents are learned from charges; a change of the listed price ends that."""
    monkeypatch.setitem(catalog.MULTIPLIERS, "4k", 10.0)  # type: ignore[arg-type]  # a dict
    arguments: Dict[str, Any] = {"context": PROMPT, "template_id": "ugc-text-overlay", "options": {"resolution": "4k"}}

    before = await client.videos.estimate(**arguments)
    await client.videos.create(**arguments)
    after = await client.videos.estimate(**arguments)
    monkeypatch.setitem(catalog.BY_ID["ugc-text-overlay"], "credits_per_video", 5)
    changed = await client.videos.estimate(**arguments)

    assert [(made.credits, made.is_charged) for made in (before, after, changed)] == [
        (6, False),
        (20, True),
        (15, False),
    ]


async def test_a_variant_costs_what_its_template_costs(sandbox: Sandbox, client: AsyncBluma) -> None:
    """A client that does not know the variant finds its template, once; a create from it teaches that too."""
    variant = await client.variants.create("rick-morty-explainer", "mine")
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url) as other:
        first = await other.videos.estimate(PROMPT, variant_id=variant.id)
        sent = len(sandbox.requests)
        await other.videos.estimate(PROMPT, variant_id=variant.id)

    assert (first.template_id, first.variant_id, first.credits) == ("rick-morty-explainer", variant.id, 2)
    assert len(sandbox.requests) == sent + 1
    unknown = await client.videos.estimate(PROMPT, variant_id="var_none")
    assert (unknown.template_id, unknown.credits) == (None, None)


async def test_the_charge_of_a_variant_is_no_price_of_its_template() -> None:
    """The settings of a variant can cost more: its charge is its own price, also in the plan of a batch."""
    video = {"id": "batch_1", "status": "queued", "template_id": "t", "credits_charged": 9}
    listed = answer(200, {"id": "t", "credits_per_video": 4, "credits": 100})
    client, _, _ = client_with(listed, answer(202, video), listed)
    await client.templates.get("t")
    await client.videos.create(PROMPT, variant_id="var_1")

    prices = [
        (await client.videos.estimate(PROMPT, "t")).credits,
        (await client.videos.estimate(PROMPT, variant_id="var_1")).credits,
    ]
    rows = [{"prompt": "x", "template_id": "t"}, {"prompt": "x", "variant_id": "var_1"}]
    plan = await client.batch("journal").plan(rows)

    assert prices == [4, 9]
    assert [(cost.variant_id, cost.credits) for cost in plan.costs] == [("var_1", 9), (None, 4)]


async def test_nothing_is_created(sandbox: Sandbox, client: AsyncBluma) -> None:
    """An estimate only reads."""
    await client.videos.estimate(PROMPT, "ugc-text-overlay", options={"resolution": "1080p"})

    assert sandbox.state()["jobs"] == {"test": 0, "live": 0}


async def test_an_estimate_checks_what_a_create_checks(sandbox: Sandbox, client: AsyncBluma) -> None:
    """The template is read, so its schema is known."""
    for arguments, field in (
        ({"template_id": "ugc-text-overlay", "options": {"resoluton": "4k"}}, "options.resoluton"),
        ({"template_id": "ugc-text-overlay", "context": {"promt": "x"}}, "context.promt"),
        ({"template_id": "ugc-text-overlay", "context": {"prompt": b"x"}}, "context.prompt"),
        ({}, "template_id"),
    ):
        with pytest.raises(errors.InvalidArgumentError) as caught:
            await client.videos.estimate(**{"context": PROMPT, **arguments})  # type: ignore[arg-type]  # many forms
        assert caught.value.field == field
    with pytest.raises(errors.NotFoundError):
        await client.videos.estimate(PROMPT, "none")


async def test_a_template_without_a_price() -> None:
    """The price is unknown, and not guessed; a test key consumes nothing."""
    client, _, _ = client_with(answer(200, {"id": "t"}))

    made = await client.videos.estimate(PROMPT, "t")

    assert (made.credits, made.consumes_credits) == (None, False)


@pytest.mark.parametrize("missing", ["credits_charged", "template_id"])
async def test_an_answer_that_leaves_something_out_teaches_nothing(missing: str) -> None:
    """A create without a charge, or without its template, leaves the listed price."""
    video = {"id": "batch_1", "status": "queued", "template_id": "t", "credits_charged": 9}
    listed = answer(200, {"id": "t", "credits_per_video": 4})
    client, _, _ = client_with(answer(202, {**video, missing: None}), listed)

    await client.videos.create(PROMPT, "t")

    assert (await client.videos.estimate(PROMPT, "t")).credits == 4

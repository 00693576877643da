"""`client.videos.create`: its request, its checks, and creates on real sockets that lose their answers."""

from __future__ import annotations

import asyncio
from typing import Any, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from tests.fakes import answer, client_with

ACCEPTED = answer(202, {"id": "batch_new", "status": "queued", "template_id": "t", "credits_charged": 2})


async def test_a_create_sends_what_it_was_given() -> None:
    """Items 20 and 25 to 27: arguments are sent unchanged, False too."""
    client, transport, _ = client_with(ACCEPTED)
    context = {"prompt": "p", "brand_assets": {"logo": "l"}, "system_prompt": "s"}

    video = await client.videos.create(
        template_id="t",
        context=context,
        options={"resolution": "4k", "watermark": False},
        webhook_url="https://x/y",
        idempotency_key="mine",
    )

    assert transport.sent == ["POST /videos"]
    assert transport.bodies == [
        {
            "template_id": "t",
            "context": context,
            "options": {"resolution": "4k", "watermark": False},
            "webhook_url": "https://x/y",
        }
    ]
    assert transport.requests[0].headers["Idempotency-Key"] == "mine"
    assert (video.id, video.status, video.variant_id, video.credits_charged) == ("batch_new", "queued", None, 2)


async def test_none_is_not_sent() -> None:
    """Items 21 and 22: arguments that are None are not in the body."""
    client, transport, _ = client_with(ACCEPTED)

    await client.videos.create(
        context={"prompt": "p"}, template_id=None, variant_id="v", options=None, webhook_url=None
    )

    assert transport.bodies == [{"variant_id": "v", "context": {"prompt": "p"}}]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({}, "template_id"),
        ({"template_id": "t", "variant_id": "v"}, "variant_id"),
        ({"template_id": ""}, "template_id"),
        ({"variant_id": " "}, "variant_id"),
        ({"template_id": 5}, "template_id"),
        ({"template_id": "t", "context": "prompt"}, "context"),
        ({"template_id": "t", "options": "4k"}, "options"),
        ({"template_id": "t", "options": {"resolution": 4}}, "options.resolution"),
        ({"template_id": "t", "options": {"watermark": "no"}}, "options.watermark"),
        ({"template_id": "t", "webhook_url": ""}, "webhook_url"),
        ({"template_id": "t", "idempotency_key": "a\nb"}, "idempotency_key"),
        ({"template_id": "t", "context": {"at": object()}}, "body"),
    ],
)
async def test_an_invalid_argument_is_not_sent(arguments: Any, field: str) -> None:
    """Items 23 and 24: a ValidationError that is a ValueError and names the argument, before any request."""
    client, transport, _ = client_with(ACCEPTED)

    with pytest.raises(errors.InvalidArgumentError) as caught:
        await client.videos.create(**{"context": {"prompt": "p"}, **arguments})

    assert isinstance(caught.value, ValueError)
    assert caught.value.field == field
    assert transport.requests == []


async def test_creates_that_lose_their_answers_together_are_not_retried(sandbox: Sandbox) -> None:
    """Twenty creates in parallel, all accepted and all answers lost: twenty bills, no create is sent twice."""
    sandbox.faults.add("POST /videos", "drop_after", times=20)

    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, retry_delay=0.0, settle_time=0.0) as client:
        outcomes = await asyncio.gather(
            *(client.videos.create({"prompt": "p"}, "ugc-text-overlay") for _ in range(20)), return_exceptions=True
        )

    assert {type(outcome) for outcome in outcomes} == {errors.AmbiguousCreateError}
    assert sandbox.state()["billed"] == 20


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_one_bill_against_the_real_sockets(sandbox: Sandbox, client: AsyncBluma, kind: str) -> None:
    """Cut before the create: retried, one bill. Cut after it: one candidate, one bill."""
    await client.templates.list()
    sandbox.faults.add("POST /videos", kind)
    made: List[str] = []

    try:
        made = [(await client.videos.create({"prompt": "p"}, "ugc-text-overlay")).id]
    except errors.AmbiguousCreateError as error:
        made = [video.id for video in error.candidates]

    assert len(made) == 1
    assert sandbox.state()["billed"] == 1
    assert [bill["metadata"]["video_id"] for bill in sandbox.ledger.bills()] == made

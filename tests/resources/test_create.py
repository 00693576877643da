"""Creating: what is sent, what is refused, and what becomes of a create whose answer was lost."""

from __future__ import annotations

import asyncio
from typing import Any, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from tests.fakes import FakeClock, answer, client_with, problem

ACCEPTED = answer(202, {"id": "batch_new", "status": "queued", "template_id": "t", "credits_charged": 2})
DATE = {"Date": "Mon, 03 Nov 2025 10:30:30 GMT"}
CUT = errors.NetworkError("cut")


def listing(*videos: Any, status: int = 200) -> Any:
    """Return a page of videos, by their ids and dates."""
    rows = [{"id": name, "status": "queued", "template_id": "t", "created_at": made} for name, made in videos]
    return answer(status, {"videos": rows, "pagination": {}}, DATE)


async def test_a_create_sends_what_it_was_given() -> None:
    """Items 20 and 25 to 27: everything goes out as it is, False too."""
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


async def test_none_is_left_out() -> None:
    """Items 21 and 22: arguments that are None do not reach the body."""
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
async def test_what_cannot_be_right_is_not_sent(arguments: Any, field: str) -> None:
    """Items 23 and 24: a ValidationError that is a ValueError, naming the argument, before any request."""
    client, transport, _ = client_with(ACCEPTED)

    with pytest.raises(errors.InvalidArgumentError) as caught:
        await client.videos.create(**{"context": {"prompt": "p"}, **arguments})

    assert isinstance(caught.value, ValueError)
    assert caught.value.field == field
    assert transport.requests == []


async def test_certain_refusals_are_repeated_without_looking() -> None:
    """A refused connection and a 503 were certainly not accepted."""
    client, transport, clock = client_with(errors.NetworkError("no", request_sent=False), problem(503), ACCEPTED)

    await client.videos.create({"prompt": "p"}, "t")

    assert transport.sent == ["POST /videos"] * 3
    assert clock.slept == [1, 2]


@pytest.mark.parametrize(
    "failure", [CUT, errors.RequestTimeoutError("late"), problem(500), problem(502), answer(202, b"?")]
)
async def test_an_uncertain_create_is_looked_for_and_then_repeated(failure: Any) -> None:
    """What is provably absent is sent again, with the same key."""
    client, transport, clock = client_with(failure, listing(), ACCEPTED)

    video = await client.videos.create({"prompt": "p"}, "t")

    assert video.id == "batch_new"
    assert [sent.split("?")[0] for sent in transport.sent] == ["POST /videos", "GET /videos", "POST /videos"]
    assert "template_id=t" in transport.sent[1]
    assert clock.slept == [1]
    keys = [request.headers.get("Idempotency-Key") for request in transport.requests]
    assert keys[0] == keys[2]


async def test_candidates_are_reported_and_never_adopted() -> None:
    """A video that may be the lost one ends the call with everything needed to go on."""
    clock = FakeClock()
    found = listing(("batch_a", "2025-11-03T10:30:29Z"), ("batch_old", "2025-11-03T10:30:27Z"))
    client, transport, _ = client_with(CUT, found, clock=clock, takes=0.5)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create({"prompt": "p"}, "t", idempotency_key="mine")

    error = caught.value
    assert [video.id for video in error.candidates] == ["batch_a"]
    assert (error.idempotency_key, error.template_id, error.attempts) == ("mine", "t", 1)
    assert error.started_at is not None
    assert error.started_at.isoformat() == "2025-11-03T10:30:28+00:00"
    assert isinstance(error.__cause__, errors.NetworkError)
    assert len(transport.requests) == 2


async def test_the_servers_clock_decides_not_ours() -> None:
    """`from_date` is the call's beginning by the server's own Date headers."""
    clock = FakeClock()
    client, transport, _ = client_with(answer(200, {"templates": []}, DATE), CUT, listing(), ACCEPTED, clock=clock)
    await client.templates.list()
    clock.time += 100

    await client.videos.create({"prompt": "p"}, "t")

    assert "from_date=2025-11-03T10%3A32%3A10Z" in transport.sent[2]


async def test_what_the_client_knows_is_no_evidence() -> None:
    """Videos it made, waited for, or reported before are not the lost one."""
    known = [("batch_new", "2025-11-03T10:30:30Z"), ("batch_waited", "2025-11-03T10:30:30Z")]
    waited = answer(200, {"id": "batch_waited", "status": "completed"})
    client, transport, _ = client_with(ACCEPTED, waited, CUT, listing(*known), ACCEPTED)
    await client.videos.create({"prompt": "p"}, "t")
    await client.videos.wait_for("batch_waited")

    await client.videos.create({"prompt": "p"}, "t")

    assert len(transport.requests) == 5
    transport.replies = [
        CUT,
        listing(("x", "2025-11-03T10:30:30Z")),
        CUT,
        listing(("x", "2025-11-03T10:30:30Z")),
        ACCEPTED,
    ]
    with pytest.raises(errors.AmbiguousCreateError):
        await client.videos.create({"prompt": "p"}, "t")
    assert (await client.videos.create({"prompt": "p"}, "t")).id == "batch_new"


async def test_silence_without_a_look_is_not_repeated() -> None:
    """Where nobody can look, an unanswered create is raised, and an answered 5xx repeated as the API advises."""
    silent, transport, _ = client_with(CUT, problem(403))
    answered, repeated, _ = client_with(problem(500), problem(403), ACCEPTED)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await silent.videos.create({"prompt": "p"}, "t")

    assert caught.value.candidates == []
    assert len(transport.requests) == 2
    assert (await answered.videos.create({"prompt": "p"}, "t")).id == "batch_new"
    assert len(repeated.requests) == 3


async def test_the_last_failure_is_looked_for_too() -> None:
    """Without retries left, a provably absent create raises what happened; a found one its candidates."""
    absent, transport, clock = client_with(CUT, listing(), max_retries=0)
    found, _, _ = client_with(CUT, listing(("x", "2025-11-03T10:30:30Z")), max_retries=0)

    with pytest.raises(errors.NetworkError, match="cut") as caught:
        await absent.videos.create({"prompt": "p"}, "t")

    assert not isinstance(caught.value, errors.AmbiguousCreateError)
    assert (len(transport.requests), clock.slept) == (2, [])
    with pytest.raises(errors.AmbiguousCreateError):
        await found.videos.create({"prompt": "p"}, "t")


async def test_other_policies_for_doubt() -> None:
    """`retry` is the plain documented behaviour, `raise` sends once."""
    blind, transport, _ = client_with(CUT, ACCEPTED, on_ambiguous="retry")
    strict, once, _ = client_with(CUT, on_ambiguous="raise")

    await blind.videos.create({"prompt": "p"}, "t")

    assert transport.sent == ["POST /videos"] * 2
    with pytest.raises(errors.AmbiguousCreateError, match="could not be looked up"):
        await strict.videos.create({"prompt": "p"}, "t")
    assert len(once.requests) == 1


async def test_a_look_goes_as_far_back_as_it_must() -> None:
    """A page full of known videos is followed by the next one."""
    full = [(f"batch_{index}", "2025-11-03T10:30:30Z") for index in range(100)]
    client, transport, _ = client_with(CUT, listing(*full), listing(("lost", "2025-11-03T10:30:30Z")))
    for name, _ in full:
        client._session.shared.mark_known(name)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create({"prompt": "p"}, "t")

    assert [video.id for video in caught.value.candidates] == ["lost"]
    assert ["page=1" in transport.sent[1], "page=2" in transport.sent[2]] == [True, True]


async def test_creates_that_are_lost_together_are_not_each_others_excuse(sandbox: Sandbox) -> None:
    """Twenty at once, every answer cut after accept: twenty bills, and nobody pays twice."""
    sandbox.faults.add("POST /videos", "drop_after", times=20)

    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, retry_delay=0.0) as client:
        outcomes = await asyncio.gather(
            *(client.videos.create({"prompt": "p"}, "ugc-text-overlay") for _ in range(20)), return_exceptions=True
        )

    assert {type(outcome) for outcome in outcomes} == {errors.AmbiguousCreateError}
    assert sandbox.state()["billed"] == 20


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_one_bill_against_the_real_sockets(sandbox: Sandbox, client: AsyncBluma, kind: str) -> None:
    """Cut before: repeated, one bill. Cut after: one candidate, one bill."""
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

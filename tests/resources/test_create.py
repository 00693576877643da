"""`client.videos.create`: its request, its checks, and creates without a certain answer."""

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
    """Return an answer with videos of these ids and dates."""
    rows = [{"id": name, "status": "queued", "template_id": "t", "created_at": made} for name, made in videos]
    return answer(status, {"videos": rows, "pagination": {}}, DATE)


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


async def test_certain_refusals_are_retried_without_a_search() -> None:
    """A create with a refused connection or a 503 was certainly not accepted."""
    client, transport, clock = client_with(errors.NetworkError("no", request_sent=False), problem(503), ACCEPTED)

    await client.videos.create({"prompt": "p"}, "t")

    assert transport.sent == ["POST /videos"] * 3
    assert clock.slept == [1, 2]


@pytest.mark.parametrize(
    "failure", [CUT, errors.RequestTimeoutError("late"), problem(500), problem(502), answer(202, b"?")]
)
async def test_an_uncertain_create_is_searched_for_and_then_retried(failure: Any) -> None:
    """If no video was created, the create is retried with the same key."""
    client, transport, clock = client_with(failure, listing(), ACCEPTED)

    video = await client.videos.create({"prompt": "p"}, "t")

    assert video.id == "batch_new"
    assert [sent.split("?")[0] for sent in transport.sent] == ["POST /videos", "GET /videos", "POST /videos"]
    assert "template_id=t" in transport.sent[1]
    assert clock.slept == [1]
    keys = [request.headers.get("Idempotency-Key") for request in transport.requests]
    assert keys[0] == keys[2]


async def test_candidates_are_reported_and_never_adopted() -> None:
    """A possible video ends the call with an error that has all facts for a decision."""
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
    """`from_date` is the beginning of the call by the server's Date headers."""
    clock = FakeClock()
    client, transport, _ = client_with(answer(200, {"templates": []}, DATE), CUT, listing(), ACCEPTED, clock=clock)
    await client.templates.list()
    clock.time += 100

    await client.videos.create({"prompt": "p"}, "t")

    assert "from_date=2025-11-03T10%3A32%3A10Z" in transport.sent[2]


async def test_known_videos_are_no_candidates() -> None:
    """Videos that were created, waited for, or reported before are no candidates."""
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


async def test_a_create_without_an_answer_is_not_retried_if_the_search_fails() -> None:
    """If the search fails, a create without an answer raises, and one with a 5xx is retried as the API advises."""
    silent, transport, _ = client_with(CUT, problem(403))
    answered, repeated, _ = client_with(problem(500), problem(403), ACCEPTED)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await silent.videos.create({"prompt": "p"}, "t")

    assert caught.value.candidates == []
    assert len(transport.requests) == 2
    assert (await answered.videos.create({"prompt": "p"}, "t")).id == "batch_new"
    assert len(repeated.requests) == 3


async def test_the_last_attempt_is_searched_for_too() -> None:
    """Without retries left, the create raises its own error if no video was created, else the candidates."""
    absent, transport, clock = client_with(CUT, listing(), max_retries=0)
    found, _, _ = client_with(CUT, listing(("x", "2025-11-03T10:30:30Z")), max_retries=0)

    with pytest.raises(errors.NetworkError, match="cut") as caught:
        await absent.videos.create({"prompt": "p"}, "t")

    assert not isinstance(caught.value, errors.AmbiguousCreateError)
    assert (len(transport.requests), clock.slept) == (2, [])
    with pytest.raises(errors.AmbiguousCreateError):
        await found.videos.create({"prompt": "p"}, "t")


async def test_other_values_of_on_ambiguous() -> None:
    """`retry` retries as documented without a search, `raise` sends once."""
    blind, transport, _ = client_with(CUT, ACCEPTED, on_ambiguous="retry")
    strict, once, _ = client_with(CUT, on_ambiguous="raise")

    await blind.videos.create({"prompt": "p"}, "t")

    assert transport.sent == ["POST /videos"] * 2
    with pytest.raises(errors.AmbiguousCreateError, match="could not be looked up"):
        await strict.videos.create({"prompt": "p"}, "t")
    assert len(once.requests) == 1


async def test_the_search_reads_as_many_pages_as_needed() -> None:
    """After a page of known videos the next page is searched."""
    full = [(f"batch_{index}", "2025-11-03T10:30:30Z") for index in range(100)]
    client, transport, _ = client_with(CUT, listing(*full), listing(("lost", "2025-11-03T10:30:30Z")))
    for name, _ in full:
        client._session.evidence.mark_known(name)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create({"prompt": "p"}, "t")

    assert [video.id for video in caught.value.candidates] == ["lost"]
    assert ["page=1" in transport.sent[1], "page=2" in transport.sent[2]] == [True, True]


async def test_creates_that_lose_their_answers_together_are_not_retried(sandbox: Sandbox) -> None:
    """Twenty creates in parallel, all accepted and all answers lost: twenty bills, no create is sent twice."""
    sandbox.faults.add("POST /videos", "drop_after", times=20)

    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, retry_delay=0.0) as client:
        outcomes = await asyncio.gather(
            *(client.videos.create({"prompt": "p"}, "ugc-text-overlay") for _ in range(20)), return_exceptions=True
        )

    assert {type(outcome) for outcome in outcomes} == {errors.AmbiguousCreateError}
    assert sandbox.state()["billed"] == 20


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
@pytest.mark.inclusive_dates
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

"""`client.videos.create`: its request, its checks, and creates without a certain answer."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from tests.fakes import DATE, FakeClock, answer, client_with, list_videos, problem

CUT = errors.NetworkError("cut")
QUIET = list_videos()  # a list that proves, once `settle_time` has passed, that nothing was created


def accepted(video_id: str = "batch_new") -> Any:
    """Return the answer to an accepted create."""
    return answer(202, {"id": video_id, "status": "queued", "template_id": "t", "credits_charged": 2})


ACCEPTED = accepted()


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
        ({"template_id": "t", "webhook_url": "nope"}, "webhook_url"),
        ({"template_id": "t", "webhook_url": 5}, "webhook_url"),
        ({"template_id": "t", "idempotency_key": "a\nb"}, "idempotency_key"),
        ({"template_id": "t", "context": {"at": object()}}, "context.at"),
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
    """A create with a refused connection, or a 503 in the API's own words, was certainly not accepted."""
    client, transport, clock = client_with(errors.NetworkError("no", request_sent=False), problem(503), ACCEPTED)

    await client.videos.create({"prompt": "p"}, "t")

    assert transport.sent == ["POST /videos"] * 3
    assert clock.slept == [1, 2]


@pytest.mark.parametrize(
    "failure", [CUT, errors.RequestTimeoutError("late"), problem(500), problem(502), answer(503, b"<html>")]
)
async def test_an_uncertain_create_is_searched_for_and_then_retried(failure: Any) -> None:
    """The create is retried with the same key, once a search `settle_time` after the request has found no video."""
    client, transport, clock = client_with(failure, QUIET, QUIET, ACCEPTED)

    video = await client.videos.create({"prompt": "p"}, "t")

    assert video.id == "batch_new"
    methods = [sent.split("?")[0] for sent in transport.sent]
    assert methods == ["POST /videos", "GET /videos", "GET /videos", "POST /videos"]
    assert all("template_id=t" in sent for sent in transport.sent[1:3])
    assert clock.slept == [1, 29]
    keys = [request.headers.get("Idempotency-Key") for request in transport.requests]
    assert keys[0] == keys[3]


async def test_an_unreadable_acceptance_is_searched_for_and_never_sent_again() -> None:
    """A 202 whose body cannot be read is billed: its video is searched for, and doubt is all that is left without."""
    client, transport, clock = client_with(answer(202, b"?"), QUIET, QUIET, ACCEPTED)

    with pytest.raises(errors.AmbiguousCreateError, match=r"was accepted and billed.*not in the list") as caught:
        await client.videos.create({"prompt": "p"}, "t")

    assert caught.value.accepted
    assert [sent.split("?")[0] for sent in transport.sent] == ["POST /videos", "GET /videos", "GET /videos"]
    assert clock.slept == [1, 29]


async def test_every_attempt_waits_for_its_own_proof() -> None:
    """Statement 105 for creates: pauses of 1, 2 and 4 s, then a search, and 30 s in all before the next attempt."""
    proof = [CUT, QUIET, QUIET]
    client, transport, clock = client_with(*proof * 4)

    with pytest.raises(errors.NetworkError, match="cut"):
        await client.videos.create({"prompt": "p"}, "t")

    assert clock.slept == [1, 29, 2, 28, 4, 26, 30]
    assert transport.sent.count("POST /videos") == 4


async def test_calls_that_cost_nothing_wait_for_no_proof() -> None:
    """Statement 105: a read pauses exactly 1, 2 and 4 s, whatever `settle_time` is."""
    client, transport, clock = client_with(CUT, settle_time=500)

    with pytest.raises(errors.NetworkError):
        await client.templates.list()

    assert (clock.slept, len(transport.requests)) == ([1, 2, 4], 4)


async def test_candidates_are_reported_and_never_adopted() -> None:
    """A possible video ends the call with an error that has all facts for a decision."""
    found = list_videos(("batch_a", "2025-11-03T10:29:30Z"), ("batch_old", "2025-11-03T10:29:29Z"))
    client, transport, _ = client_with(CUT, found, takes=0.5)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create({"prompt": "p"}, "t", idempotency_key="mine")

    error = caught.value
    assert [video.id for video in error.candidates] == ["batch_a"]
    assert (error.idempotency_key, error.template_id, error.attempts) == ("mine", "t", 1)
    assert error.started_at is not None
    assert error.started_at.isoformat() == "2025-11-03T10:30:30+00:00"
    assert isinstance(error.__cause__, errors.NetworkError)
    assert len(transport.requests) == 2


@pytest.mark.parametrize(
    ("ahead", "first", "before"), [(3600, "10:31:10", "10:31:09"), (-3600, "09:31:10", "09:31:09")]
)
async def test_the_earlier_clock_decides(ahead: float, first: str, before: str) -> None:
    """A video counts from a minute before the create began, by the server's Date or by our clock, the earlier one."""
    clock = FakeClock()
    clock.ahead = timedelta(seconds=ahead)
    found = list_videos(("in", f"2025-11-03T{first}Z"), ("out", f"2025-11-03T{before}Z"))
    client, _, _ = client_with(answer(200, {"templates": []}, {"Date": DATE}), CUT, found, clock=clock)
    await client.templates.list()
    clock.time += 100

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create({"prompt": "p"}, "t")

    assert [video.id for video in caught.value.candidates] == ["in"]


async def test_known_videos_are_no_candidates() -> None:
    """Videos that were created, waited for, or reported before are not candidates."""
    known = list_videos(("batch_new", "2025-11-03T10:30:30Z"), ("batch_waited", "2025-11-03T10:30:30Z"))
    waited = answer(200, {"id": "batch_waited", "status": "completed"})
    client, transport, _ = client_with(ACCEPTED, waited, CUT, known, known, accepted("second"))
    await client.videos.create({"prompt": "p"}, "t")
    await client.videos.wait_for("batch_waited")

    assert (await client.videos.create({"prompt": "p"}, "t")).id == "second"

    assert len(transport.requests) == 6
    found = list_videos(("x", "2025-11-03T10:31:00Z"))
    transport.replies = [CUT, found, CUT, found, found, accepted("third")]
    with pytest.raises(errors.AmbiguousCreateError):
        await client.videos.create({"prompt": "p"}, "t")
    assert (await client.videos.create({"prompt": "p"}, "t")).id == "third"


@pytest.mark.parametrize("failure", [CUT, problem(500, type="internal_error")])
async def test_an_uncertain_create_is_not_retried_if_the_search_fails(failure: Any) -> None:
    """A list that cannot be read proves nothing, also after an answered 5xx, whose `type` is kept."""
    client, transport, clock = client_with(failure, problem(403), problem(403), ACCEPTED)

    with pytest.raises(errors.AmbiguousCreateError, match="could not be read") as caught:
        await client.videos.create({"prompt": "p"}, "t")

    assert (caught.value.candidates, caught.value.accepted) == ([], False)
    assert caught.value.type == (None if failure is CUT else "internal_error")
    assert isinstance(caught.value.__cause__, errors.NetworkError if failure is CUT else errors.ServerError)
    assert (len(transport.requests), clock.slept) == (3, [1, 29])


async def test_the_last_attempt_is_searched_for_too() -> None:
    """Without retries left, the create raises its own error if no video was created, else the candidates."""
    absent, transport, clock = client_with(CUT, QUIET, QUIET, max_retries=0)
    found, _, _ = client_with(CUT, list_videos(("x", "2025-11-03T10:30:30Z")), max_retries=0)

    with pytest.raises(errors.NetworkError, match="cut") as caught:
        await absent.videos.create({"prompt": "p"}, "t")

    assert not isinstance(caught.value, errors.AmbiguousCreateError)
    assert (len(transport.requests), clock.slept) == (3, [30])
    with pytest.raises(errors.AmbiguousCreateError):
        await found.videos.create({"prompt": "p"}, "t")


async def test_other_values_of_on_ambiguous() -> None:
    """`retry` retries as documented without a search, `raise` sends once."""
    blind, transport, clock = client_with(CUT, ACCEPTED, on_ambiguous="retry")
    strict, once, _ = client_with(CUT, on_ambiguous="raise")

    await blind.videos.create({"prompt": "p"}, "t")

    assert (transport.sent, clock.slept) == (["POST /videos"] * 2, [1])
    with pytest.raises(errors.AmbiguousCreateError, match="was not searched for"):
        await strict.videos.create({"prompt": "p"}, "t")
    assert len(once.requests) == 1


async def test_the_search_reads_as_many_pages_as_needed() -> None:
    """After a page of known videos the next page is searched."""
    full = [(f"batch_{index}", "2025-11-03T10:30:30Z") for index in range(100)]
    last = list_videos(("lost", "2025-11-03T10:30:30Z"), total=101)
    client, transport, _ = client_with(CUT, list_videos(*full, total=101), last)
    for name, _ in full:
        client._session.evidence.mark_known(name)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create({"prompt": "p"}, "t")

    assert [video.id for video in caught.value.candidates] == ["lost"]
    assert ["page=1" in transport.sent[1], "page=2" in transport.sent[2]] == [True, True]


async def test_a_short_page_below_the_total_is_not_the_end() -> None:
    """A server caps its pages, or its list lags: what was not read proves nothing."""
    cut_off = list_videos(("old", "2025-11-03T10:30:30Z"), total=2)
    client, _, _ = client_with(CUT, cut_off, list_videos(total=2), cut_off, list_videos(total=2))
    client._session.evidence.mark_known("old")

    with pytest.raises(errors.AmbiguousCreateError, match="far enough"):
        await client.videos.create({"prompt": "p"}, "t")


async def test_a_proxys_408_is_no_reason_to_retry_and_its_absence_is_proven() -> None:
    """It can follow an acceptance: the error says `not_accepted` only once a search has proven it."""
    client, transport, clock = client_with(answer(408, b""), QUIET)

    with pytest.raises(errors.APIError) as caught:
        await client.videos.create({"prompt": "p"}, "t")

    assert (caught.value.status, caught.value.not_accepted, clock.slept) == (408, True, [30])
    assert len(transport.requests) == 3


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

"""A create without a certain answer: what proves that it was not accepted, and what proves nothing."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from bluma_async import errors
from tests.fakes import answer, client_with, problem

ACCEPTED = answer(202, {"id": "batch_new", "status": "queued", "template_id": "t", "credits_charged": 2})
DATE = {"Date": "Mon, 03 Nov 2025 10:30:30 GMT"}
CUT = errors.NetworkError("cut")
UNREADABLE = answer(202, b"?")
TIME = "2025-11-03T10:30:30Z"
UNREADABLE_LISTS: Dict[str, Any] = {
    "500": problem(500),
    "403": problem(403),
    "429": problem(429),
    "garbage": answer(200, b"<html>"),
    "cut": CUT,
    "silent": errors.RequestTimeoutError("silent"),
}


def listing(*videos: Any, total: Optional[int] = None, pages: int = 1) -> Any:
    """Return a page with videos of these ids and dates, and honest counts."""
    rows = [{"id": name, "status": "queued", "template_id": "t", "created_at": made} for name, made in videos]
    counts = {"page": 1, "limit": 100, "total": len(rows) if total is None else total, "total_pages": pages}
    return answer(200, {"videos": rows, "pagination": counts}, DATE)


async def test_an_uncertain_create_that_is_not_to_be_retried_says_that_it_was_not_accepted() -> None:
    """A proxy's 408 is no reason to retry, but it can follow an acceptance: its absence is proven all the same."""
    client, transport, clock = client_with(answer(408, b""), listing())

    with pytest.raises(errors.APIError) as caught:
        await client.videos.create({"prompt": "p"}, "t")

    assert (caught.value.status, caught.value.not_accepted, clock.slept) == (408, True, [30])
    assert len(transport.requests) == 3


async def test_every_attempt_is_proven() -> None:
    """Item 105 for creates: 1, 2 and 4 s bound the sending again; waiting for evidence comes on top."""
    rounds = [entry for _ in range(4) for entry in (problem(500), listing(), listing())]
    client, transport, clock = client_with(*rounds)

    with pytest.raises(errors.ServerError) as caught:
        await client.videos.create({"prompt": "p"}, "t")

    assert not isinstance(caught.value, errors.AmbiguousCreateError)
    assert caught.value.not_accepted
    assert [entry for entry in transport.sent if entry == "POST /videos"] == ["POST /videos"] * 4
    assert clock.slept == [1, 29, 2, 28, 4, 26, 30]


async def test_calls_without_a_price_keep_the_documented_pauses() -> None:
    """Item 105: a call that costs nothing is retried after exactly 1, 2 and 4 s."""
    client, _, clock = client_with(problem(500))

    with pytest.raises(errors.ServerError):
        await client.templates.list()

    assert clock.slept == [1, 2, 4]


@pytest.mark.parametrize("lists", UNREADABLE_LISTS)
@pytest.mark.parametrize("max_retries", [0, 3])
@pytest.mark.parametrize("failure", [problem(500), UNREADABLE, CUT], ids=["500", "unreadable", "cut"])
async def test_a_list_that_cannot_be_read_proves_nothing(failure: Any, max_retries: int, lists: str) -> None:
    """Six ways to fail, also without retries: one bill, and an error that keeps the server's as its cause."""
    client, transport, _ = client_with(failure, UNREADABLE_LISTS[lists], max_retries=max_retries)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create({"prompt": "p"}, "t", idempotency_key="mine")

    posts = [entry for entry in transport.sent if entry.startswith("POST")]
    assert (posts, caught.value.candidates, caught.value.idempotency_key) == (["POST /videos"], [], "mine")
    assert caught.value.accepted is (failure is UNREADABLE)
    assert isinstance(caught.value.__cause__, errors.BlumaError)
    if failure is not CUT:
        assert caught.value.type == getattr(caught.value.__cause__, "type", None)


async def test_an_accepted_create_is_never_sent_again() -> None:
    """A 2xx that cannot be read is a bill: if its video is not listed, the error says that it was accepted."""
    client, transport, _ = client_with(UNREADABLE, listing(), listing())

    with pytest.raises(errors.AmbiguousCreateError, match="accepted and billed") as caught:
        await client.videos.create({"prompt": "p"}, "t")

    assert caught.value.accepted
    assert [entry for entry in transport.sent if entry == "POST /videos"] == ["POST /videos"]


async def test_a_learned_skew_replaces_the_minute() -> None:
    """An answered create shows by how much Date is ahead: 40 s here, so a video of 45 s before Date is no candidate."""
    answered = answer(
        202, {"id": "one", "template_id": "t", "status": "queued", "created_at": "2025-11-03T10:29:50Z"}, DATE
    )
    page = listing(("in", "2025-11-03T10:29:49Z"), ("out", "2025-11-03T10:29:45Z"))
    client, _, _ = client_with(answered, CUT, page)
    await client.videos.create({"prompt": "p"}, "t")

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create({"prompt": "p"}, "t")

    assert [video.id for video in caught.value.candidates] == ["in"]


async def test_known_videos_are_no_candidates() -> None:
    """Videos that were created, waited for, or reported before are no candidates."""
    known = [("batch_new", TIME), ("batch_waited", TIME)]
    waited = answer(200, {"id": "batch_waited", "status": "completed"})
    other = answer(202, {"id": "batch_2", "status": "queued", "template_id": "t"})
    client, transport, _ = client_with(ACCEPTED, waited, CUT, listing(*known), listing(*known), other)
    await client.videos.create({"prompt": "p"}, "t")
    await client.videos.wait_for("batch_waited")

    assert (await client.videos.create({"prompt": "p"}, "t")).id == "batch_2"

    reported, last = listing(("x", TIME)), answer(202, {"id": "batch_3", "status": "queued", "template_id": "t"})
    transport.replies = [CUT, reported, CUT, reported, reported, last]
    with pytest.raises(errors.AmbiguousCreateError):
        await client.videos.create({"prompt": "p"}, "t")
    assert (await client.videos.create({"prompt": "p"}, "t")).id == "batch_3"


@pytest.mark.parametrize("stray", [ACCEPTED, answer(202, {"id": "fresh", "status": "queued", "template_id": "other"})])
async def test_an_answer_to_another_request_is_no_answer(stray: Any) -> None:
    """A known id, or another template: the video is searched for, and the create is not sent again."""
    client, transport, _ = client_with(ACCEPTED, stray, listing(), listing())
    await client.videos.create({"prompt": "p"}, "t")

    with pytest.raises(errors.AmbiguousCreateError, match="another request") as caught:
        await client.videos.create({"prompt": "p"}, "t")

    assert caught.value.accepted
    assert [entry for entry in transport.sent if entry == "POST /videos"] == ["POST /videos"] * 2


async def test_a_deadline_that_leaves_no_time_for_proof() -> None:
    """The call ends at once instead of sleeping to its deadline: nothing could be proven by then."""
    client, _, clock = client_with(CUT, listing(), deadline=20)

    with pytest.raises(errors.AmbiguousCreateError, match="deadline"):
        await client.videos.create({"prompt": "p"}, "t")

    assert clock.slept == [1]


async def test_an_unexplained_charge_contradicts_absence() -> None:
    """A live key's history shows a deduction since the call began: the create is in doubt, and not sent again."""
    entry = {"id": "t", "type": "deduction", "amount": -2, "metadata": {"video_id": "hidden"}, "created_at": TIME}
    history = answer(200, {"transactions": [entry], "total": 1})
    client, transport, _ = client_with(CUT, listing(), listing(), history)
    live = client.with_options(api_key="bluma_live_x")

    with pytest.raises(errors.AmbiguousCreateError, match="hidden"):
        await live.videos.create({"prompt": "p"}, "t")

    assert [entry.split("?")[0] for entry in transport.sent][-1] == "GET /credits/history"


async def test_a_history_that_cannot_be_read_contradicts_nothing() -> None:
    """A key without the scope: the list alone proves absence."""
    client, _, _ = client_with(CUT, listing(), listing(), problem(403), ACCEPTED)

    video = await client.with_options(api_key="bluma_live_x").videos.create({"prompt": "p"}, "t")

    assert video.id == "batch_new"


async def test_the_last_attempt_is_searched_for_too() -> None:
    """Without retries left, the create raises its own error if its absence is proven, else the candidates."""
    absent, _, clock = client_with(CUT, listing(), max_retries=0)
    found, _, _ = client_with(CUT, listing(("x", TIME)), max_retries=0)

    with pytest.raises(errors.NetworkError, match="cut") as caught:
        await absent.videos.create({"prompt": "p"}, "t")

    assert not isinstance(caught.value, errors.AmbiguousCreateError)
    assert (clock.slept, caught.value.not_accepted) == ([30], True)
    with pytest.raises(errors.AmbiguousCreateError):
        await found.videos.create({"prompt": "p"}, "t")


async def test_other_values_of_on_ambiguous() -> None:
    """`retry` retries as documented without a search, `raise` sends once."""
    blind, transport, _ = client_with(CUT, ACCEPTED, on_ambiguous="retry")
    strict, once, _ = client_with(CUT, on_ambiguous="raise")

    await blind.videos.create({"prompt": "p"}, "t")

    assert transport.sent == ["POST /videos"] * 2
    with pytest.raises(errors.AmbiguousCreateError, match="not searched for"):
        await strict.videos.create({"prompt": "p"}, "t")
    assert len(once.requests) == 1


@pytest.mark.parametrize("options", [{"exclusive": True}, {"on_ambiguous": "adopt"}])
async def test_an_exclusive_key_adopts_the_only_candidate(options: Any) -> None:
    """The caller's statement is positive evidence; two candidates disprove it."""
    whole = answer(200, {"id": "lost", "status": "queued", "template_id": "t"})
    client, _, _ = client_with(CUT, listing(("lost", TIME)), whole, **options)
    doubted, _, _ = client_with(CUT, listing(("a", TIME), ("b", TIME)), **options)
    doubted = doubted.with_options(api_key="bluma_test_doubted")

    assert (await client.videos.create({"prompt": "p"}, "t")).id == "lost"
    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await doubted.videos.create({"prompt": "p"}, "t")
    assert len(caught.value.candidates) == 2


async def test_the_search_reads_as_many_pages_as_needed() -> None:
    """After a page of known videos the next page is searched."""
    full = [(f"batch_{index}", TIME) for index in range(100)]
    client, transport, _ = client_with(
        CUT, listing(*full, total=101, pages=2), listing(("lost", TIME), total=101, pages=2)
    )
    for name, _ in full:
        client._session.evidence.mark_known(name)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create({"prompt": "p"}, "t")

    assert [video.id for video in caught.value.candidates] == ["lost"]
    assert ["page=1" in transport.sent[1], "page=2" in transport.sent[2]] == [True, True]


async def test_a_short_page_below_the_total_is_not_the_end() -> None:
    """A server that caps pages, or whose list lags: what was not read proves nothing."""
    cut_off = listing(("old", TIME), total=2)
    client, _, _ = client_with(CUT, cut_off, listing(total=2), cut_off, listing(total=2))
    client._session.evidence.mark_known("old")

    with pytest.raises(errors.AmbiguousCreateError, match="far enough"):
        await client.videos.create({"prompt": "p"}, "t")


async def test_a_429_without_a_pause_is_not_retried_at_once() -> None:
    """Retry-After: 0 is never sooner than the backoff."""
    refused = answer(429, {"error": {"type": "rate_limit", "detail": "later"}}, {"Retry-After": "0"})
    client, transport, clock = client_with(refused, max_retry_after=60)

    with pytest.raises(errors.RateLimitError):
        await client.videos.create({"prompt": "p"}, "t")

    assert (len(transport.requests), clock.slept) == (4, [1, 2, 4])


@pytest.mark.parametrize("value", [-1, float("nan"), "30", None, True])
def test_an_invalid_settle_time_is_refused(value: Any) -> None:
    """It is a number of seconds of at least 0."""
    bad: List[Any] = [value]

    with pytest.raises(errors.InvalidArgumentError, match="settle_time"):
        client_with(ACCEPTED)[0].with_options(settle_time=bad[0])

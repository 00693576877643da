"""Answers that contradict: another request's answer to a create, and a ledger with a charge that no video explains."""

from __future__ import annotations

import re
from itertools import count
from typing import Any, Dict, List, Mapping, Sequence

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._session.in_flight import InFlightCall
from bluma_async._wire.certainty import Explained
from bluma_async._wire.messages import Answer
from bluma_async.resources.videos import Videos
from tests.fakes import DATE, FakeClock, FakeTransport, answer, client_with, list_videos, problem

PROMPT = {"prompt": "p"}
CUT = errors.NetworkError("cut")
QUIET = list_videos()
NUMBERS = count(1)


def accepted(video_id: str = "batch_new", template_id: str = "t") -> Any:
    """Return the answer to an accepted create."""
    return answer(202, {"id": video_id, "status": "queued", "template_id": template_id}, {"Date": DATE})


@pytest.mark.parametrize("stray", [accepted("known"), accepted("other", "another-template")])
async def test_a_stray_answer_is_not_returned(stray: Any) -> None:
    """An answer with a known id, or another template: it was accepted, and its own video is searched for."""
    own = list_videos(("own", "2025-11-03T10:30:30Z"))
    client, transport, _ = client_with(accepted("known"), stray, own)
    await client.videos.create(PROMPT, "t")

    with pytest.raises(errors.AmbiguousCreateError, match="belongs to another request") as caught:
        await client.videos.create(PROMPT, "t")

    assert caught.value.accepted
    assert [video.id for video in caught.value.candidates] == ["own"]
    assert transport.sent.count("POST /videos") == 2


@pytest.mark.parametrize(
    "odd",
    [{"status": None}, {"status": 1}, {"credits_charged": "two"}, {"template_id": {"id": "t"}}, {"reused": "no"}],
)
async def test_a_paid_id_is_not_lost_because_another_field_is_odd(odd: Any) -> None:
    """An accepted create has its id in the answer: it is returned, and nothing is searched for or sent again."""
    answered = answer(202, {"id": "batch_new", "status": "queued", "template_id": "t", **odd}, {"Date": DATE})
    client, transport, _ = client_with(answered)

    video = await client.videos.create(PROMPT, "t")

    assert (video.id, video.status.is_final, video.credits_charged, video.reused) == ("batch_new", False, 0, False)
    assert transport.sent == ["POST /videos"]


def history(video_id: str, template_id: str = "t", made: str = "2025-11-03T10:30:30Z") -> Any:
    """Return a credit history with one deduction."""
    details = {"video_id": video_id, "template_id": template_id}
    entry = {"id": "txn_1", "type": "deduction", "amount": -2, "created_at": made, "metadata": details}
    return answer(200, {"transactions": [entry], "total": 1})


@pytest.mark.parametrize(
    ("ledger", "is_contradicted"),
    [
        (history("batch_lost"), True),
        (history("batch_lost", template_id="u"), False),
        (history("batch_lost", made="2025-11-03T10:00:00Z"), False),
        (history("batch_known"), False),
        (problem(403), False),
        (answer(200, {"transactions": [], "total": 0}), False),
    ],
    ids=["unexplained", "other template", "old", "known", "unreadable", "empty"],
)
async def test_the_ledger_can_contradict_the_list(ledger: Any, is_contradicted: bool) -> None:
    """An unexplained charge during the call: no video is listed, and the create is not sent again all the same."""
    client, transport, _ = client_with(CUT, QUIET, QUIET, ledger, accepted())
    client = client.with_options(api_key="bluma_live_key")
    client._session.evidence.mark_known("batch_known")

    try:
        video_id = (await client.videos.create(PROMPT, "t")).id
    except errors.AmbiguousCreateError as error:
        assert "unexplained charge for batch_lost" in str(error)
        video_id = "in doubt"

    assert video_id == ("in doubt" if is_contradicted else "batch_new")
    assert transport.sent[3] == "GET /credits/history?limit=100&offset=0"


Entry = Dict[str, Any]


def charge(description: str, made: str = "2025-11-03T10:30:30Z", **more: Any) -> Entry:
    """Return a deduction as the ledger has it; each has an id of its own."""
    number = next(NUMBERS)
    return {
        "id": f"txn_{number}",
        "type": "deduction",
        "amount": -2,
        "description": description,
        "created_at": made,
        **more,
    }


def page(*entries: Entry, total: int | None = None) -> Answer:
    """Return a page of a credit history."""
    return answer(200, {"transactions": list(entries), "total": len(entries) if total is None else total})


async def create_after(*ledger: Any) -> tuple[str, List[str]]:
    """Lose a create whose list is empty; return why it is in doubt, or its video, and the reads of the ledger."""
    client, transport, _ = client_with(CUT, QUIET, QUIET, *ledger, accepted())
    client = client.with_options(api_key="bluma_live_key", max_retries=1, retry_delay=0.0)
    client._session.evidence.mark_known("batch_known")
    try:
        outcome = (await client.videos.create(PROMPT, "t")).id
    except errors.AmbiguousCreateError as error:
        outcome = str(error)
    return outcome, [sent.rsplit("=", 1)[1] for sent in transport.sent if "credits" in sent]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (charge("Video generation: batch_lost"), "an unexplained charge for batch_lost"),
        (charge("Video generation"), r"an unexplained charge that names no video \(2 credits, transaction txn_"),
        (charge("Video generation", type="usage"), "an unexplained charge that names no video"),
        (charge("Video generation", metadata={"video_id": 7}), "an unexplained charge that names no video"),
        (charge("Video generation: batch_known"), None),
        (charge("Video generation", metadata={"template_id": "u"}), None),
        (charge("Video generation", made="2025-11-03T10:00:00Z"), None),
        (charge("Credit purchase", type="purchase", amount=100), None),
    ],
    ids=["description", "nothing", "unknown type", "odd id", "known", "other template", "old", "purchase"],
)
async def test_a_charge_is_explained_only_by_a_video_of_another_create(entry: Entry, reason: str | None) -> None:
    """The ledger names a video in its metadata or in its description; a charge that names none may be this create's."""
    outcome, _ = await create_after(page(entry))

    assert outcome == "batch_new" if reason is None else re.search(reason, outcome)


async def test_the_ledger_is_read_until_it_is_older_than_the_create() -> None:
    """A charge behind the first page counts; a page that reaches the time before the create ends the reading."""
    newer = [charge("Credit purchase", type="purchase", amount=1) for _ in range(2)]
    old = charge("Video generation: batch_old", made="2025-11-03T10:00:00Z")

    behind, reads = await create_after(
        page(*newer, total=9), page(charge("Video generation: batch_lost"), total=9), page()
    )
    absent, absent_reads = await create_after(page(*newer, old, total=900))

    assert "an unexplained charge for batch_lost" in behind
    assert reads[:2] == ["0", "2"]
    assert (absent, absent_reads) == ("batch_new", ["0"])


@pytest.mark.parametrize("end", [problem(403), page(total=9), errors.NetworkError("cut")])
async def test_a_part_of_the_ledger_proves_nothing(end: Any) -> None:
    """It begins with newer transactions and cannot be read on: this create's charge may be in the other part."""
    newer = charge("Credit purchase", type="purchase", amount=1)

    outcome, _ = await create_after(page(newer, total=9), end, end)

    assert "could not be read far enough (1 of 9 transactions)" in outcome


async def test_a_ledger_without_order_is_read_to_a_limit() -> None:
    """Transactions without a time are in no order. Reading ends after twenty pages, and nothing is concluded."""
    pages = [page(charge("Grant", amount=1, type="grant", created_at=None), total=900) for _ in range(20)]

    outcome, reads = await create_after(*pages)

    assert "could not be read far enough (20 of 900 transactions)" in outcome
    assert reads == [str(offset) for offset in range(20)]


async def test_a_charge_of_a_listed_older_video_is_explained() -> None:
    """Its charge can be in the window although the video was created just before."""
    older = list_videos(("batch_before", "2025-11-03T10:29:29Z"), ("batch_first", "2025-11-03T10:20:00Z"))
    ledger = page(charge("Video generation: batch_before"))
    client, _, _ = client_with(CUT, older, older, ledger, accepted())

    video = await client.with_options(api_key="bluma_live_key").videos.create(PROMPT, "t")

    assert video.id == "batch_new"


class OtherProcesses:
    """A Coordinator whose other processes have made some videos."""

    def __init__(self, *known: str) -> None:
        self.known = set(known)

    async def before_attempt(self, call: InFlightCall) -> None:
        pass

    def after_attempt(self, call: InFlightCall, headers: Mapping[str, str]) -> None:
        pass

    async def find_video(self, call: InFlightCall) -> str | None:
        return None

    async def is_anothers(self, call: InFlightCall, video_id: str) -> bool:
        return video_id in self.known

    def for_account(self, base_url: str, api_key: str, /) -> OtherProcesses:
        return self

    async def close(self) -> None:
        pass

    async def explain(self, call: InFlightCall, video_ids: Sequence[str]) -> Explained:
        return Explained(known=tuple(name for name in video_ids if name in self.known))


@pytest.mark.parametrize(("charged", "is_explained"), [("batch_theirs", True), ("batch_lost", False)])
async def test_a_charge_of_a_video_of_another_process_is_explained(charged: str, is_explained: bool) -> None:
    """The ledger may not name the template, so the videos of all processes are in it."""
    client, _, _ = client_with(CUT, QUIET, QUIET, page(charge(f"Video generation: {charged}")), accepted())
    session = client.with_options(api_key="bluma_live_key")._session.with_coordinator(OtherProcesses("batch_theirs"))
    videos = Videos(session, client._hub)

    try:
        outcome = (await videos.create(PROMPT, "t")).id
    except errors.AmbiguousCreateError as error:
        outcome = str(error)

    assert outcome == "batch_new" if is_explained else "unexplained charge for batch_lost" in outcome


async def test_a_test_key_reads_no_ledger() -> None:
    """The balance of a test key never moves, so its history could contradict nothing."""
    client, transport, _ = client_with(CUT, QUIET, QUIET, accepted())

    await client.videos.create(PROMPT, "t")

    assert not [sent for sent in transport.sent if "credits" in sent]


async def test_a_create_sends_no_request_but_its_own() -> None:
    """While nothing goes wrong, a mock of `POST /videos` sees that and nothing else, exclusive or not."""
    transport = FakeTransport(accepted("one"), accepted("two"))
    client = AsyncBluma("bluma_live_key", transport=transport, clock=FakeClock())

    await client.videos.create(PROMPT, "t")
    await client.with_options(exclusive=True).videos.create(PROMPT, "t")

    assert transport.sent == ["POST /videos"] * 2

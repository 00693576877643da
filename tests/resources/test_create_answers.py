"""Answers that contradict: another request's answer to a create, and a ledger with a charge that no video explains."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async import AsyncBluma, errors
from tests.fakes import DATE, FakeClock, FakeTransport, answer, client_with, list_videos, problem

PROMPT = {"prompt": "p"}
CUT = errors.NetworkError("cut")
QUIET = list_videos()


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

"""What breaks for programs of bluma 1.2.0: CHANGELOG.md says what to write instead, and that works."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Callable, List

import pytest

from bluma import Bluma, errors, sign_webhook, verify_webhook
from bluma.types import Video, VideoStatus
from tests.fakes import FakeTransport, answer
from tests.live import Live

CHANGELOG = Path(__file__).resolve().parent.parent.parent / "CHANGELOG.md"
KEY = "bluma_test_key"


def list_rows() -> List[str]:
    """Return the rows of the table, without its head."""
    section = CHANGELOG.read_text(encoding="utf-8").partition("### What breaks")[2].partition("\n### ")[0]
    return [line for line in section.splitlines() if line.startswith("| ")][1:]


def test_each_break_has_a_remedy() -> None:
    """Each row has what was, what is, and what to write."""
    rows = list_rows()

    assert len(rows) > 20
    assert [row for row in rows if [cell.strip() == "" for cell in row.split(" | ")] != [False] * 3] == []


def test_names_that_are_gone() -> None:
    """The private names and pydantic's methods are gone; their remedies are there."""
    video = Video(id="a", status="new", created_at="2024-01-15T10:00:00Z")
    gone: List[Callable[[], Any]] = [
        lambda: getattr(Bluma(KEY), "_request"),  # noqa: B009 - a type checker knows that it is not there
        lambda: getattr(Bluma(KEY), "_client"),  # noqa: B009 - a type checker knows that it is not there
        lambda: setattr(Bluma(KEY), "timeout", 60),
        lambda: getattr(video, "model_dump"),  # noqa: B009 - a type checker knows that it is not there
        lambda: getattr(Video, "model_validate"),  # noqa: B009 - a type checker knows that it is not there
    ]

    for use in gone:
        with pytest.raises(AttributeError):
            use()
    assert Bluma(KEY).with_options(timeout=60).timeout == 60
    assert json.loads(json.dumps(video.to_dict()))["created_at"] == "2024-01-15T10:00:00Z"
    assert [field.name for field in dataclasses.fields(Video)][:2] == ["id", "status"]
    assert (str(video.status), video.status in set(VideoStatus)) == ("new", False)


def test_values_that_the_server_does_not_say() -> None:
    """They are None, where 1.2.0 made one up."""
    error = errors.RateLimitError(429, {})

    assert (error.retry_after, error.type, error.title) == (None, None, None)
    assert (error.retry_after or 60, error.type or "api_error") == (60, "api_error")


def test_requests_by_hand() -> None:
    """A limit is retried by an option, a POST is not retried at all, and the older paths can be called."""
    with Live() as live, Bluma(live.live_key, live.base_url, max_retry_after=60, retry_delay=0.0) as client:
        live.faults.add("GET /templates", "status", status=429, retry_after=0)
        live.faults.add("POST /webhooks", "status", status=500)

        assert client.request("GET", "/templates")["total"] == 5
        with pytest.raises(errors.ServerError):
            client.request("POST", "/webhooks", json={"url": "https://x/y", "events": ["video.failed"]})
        assert client.request("GET", "/asset-pool/assets")["assets"] == []


def test_a_mock_needs_a_new_id_for_each_create() -> None:
    """A second answer with a known id cannot be that of this create."""
    made = {"status": "queued", "template_id": "t", "created_at": "2025-11-03T10:30:00Z"}
    transport = FakeTransport(*(answer(202, {"id": video_id, **made}) for video_id in ("a", "b", "b")))
    with Bluma(KEY, on_ambiguous="raise", transport=transport) as client:
        assert [client.videos.create({"prompt": "p"}, "t").id for _ in range(2)] == ["a", "b"]
        with pytest.raises(errors.AmbiguousCreateError, match="a mock returns one id twice"):
            client.videos.create({"prompt": "p"}, "t")


def test_values_that_were_ignored() -> None:
    """An empty `webhook_url` is a mistake, an empty filter is sent, and a body without a type is not an event."""
    transport = FakeTransport(answer(200, {"assets": []}))
    body = b'{"id": "evt_1"}'
    with Bluma(KEY, transport=transport) as client:
        with pytest.raises(errors.InvalidArgumentError, match="webhook_url"):
            client.videos.create({"prompt": "p"}, "t", webhook_url="")
        client.assets.list(file_type="")

    assert transport.sent == ["GET /assets?fileType="]
    assert client.is_closed
    with pytest.raises(errors.BlumaError, match="closed"):
        client.templates.list()
    with pytest.raises(ValueError, match="not an event"):
        verify_webhook(body, sign_webhook(body, "whsec_x"), "whsec_x")

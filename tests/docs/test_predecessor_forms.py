"""What programs of bluma 1.2.0 write by hand: errors, models, events and messages that they look for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bluma import Bluma, sign_webhook, verify_webhook
from bluma.errors import BlumaError, NetworkError, RateLimitError, ValidationError, WaitTimeoutError
from bluma.types import TopEndpoint, UsageMetrics, Video, VideoStatus
from tests.live import Live

KEY = "bluma_test_key"
SECRET = "whsec_x"


def test_words_that_programs_look_for_are_in_the_messages() -> None:
    """`pytest.raises(match=...)` and log filters find the same key words."""
    client = Bluma(KEY)

    with pytest.raises(BlumaError, match="API key is required"):
        Bluma(api_key="")
    with pytest.raises(ValueError, match="Either template_id or variant_id must be provided"):
        client.videos.create({"prompt": "p"}, "", "")
    with pytest.raises(ValueError, match="Cannot provide both template_id and variant_id"):
        client.videos.create({"prompt": "p"}, "t", "v")


@pytest.mark.parametrize(
    ("signature", "secret"),
    [("invalid", SECRET), (None, SECRET), ("", SECRET), ("sha256=", SECRET), ("x", ""), ("x", [])],
)
def test_every_invalid_webhook_says_so(signature: Any, secret: Any) -> None:
    """Whatever is wrong with a signature, the error is a ValueError with the same words."""
    with pytest.raises(ValueError, match="Invalid webhook signature"):
        verify_webhook(b'{"test": true}', signature, secret)


def test_a_wait_that_ends_says_timed_out() -> None:
    """The word of 1.2.0, and the video's id."""
    with Live() as live, Bluma(live.live_key, live.base_url) as client:
        video = client.videos.create({"prompt": "Hello"}, "ugc-text-overlay")

        with pytest.raises(WaitTimeoutError, match=f"timed out: video {video.id}"):
            client.videos.wait_for(video, 1.0, 0.0)


def test_events_are_dicts() -> None:
    """An event goes into a queue, a log or a database as JSON; an older body without id and type is one too."""
    sent = {"event": "test", "data": {"id": "123"}}
    body = json.dumps(sent)

    event = verify_webhook(body, sign_webhook(body, SECRET), SECRET)

    assert isinstance(event, dict)
    assert {**event, "type": "test"} == {**sent, "type": "test"} == json.loads(json.dumps(event))
    assert (event["event"], event["data"]["id"], dict(event.items())["data"]) == ("test", "123", {"id": "123"})


def test_errors_and_models_are_made_by_hand() -> None:
    """The forms that the unit tests of programs use."""
    limited, network = RateLimitError(429, {}, "30"), NetworkError(OSError("x"))
    refused = ValidationError(400, {"error": {"detail": "No.", "metadata": {"field": "context"}}})
    video = Video(
        id="batch_1",
        status="completed",
        template_id="t",
        created_at="2024-01-15T10:00:00Z",
        credits_charged=5,
        error=None,
    )
    metrics = UsageMetrics(period={"start": "2024-01-01T00:00:00Z", "end": "2024-01-31T23:59:59Z"}, total_requests=1)

    assert (limited.status, limited.retry_after, refused.status, refused.field) == (429, 30, 400, "context")
    assert (str(network), str(network.original_error), str(refused)) == ("Network error: x", "x", "No.")
    assert (video.status, video.created_at.year) == (VideoStatus.COMPLETED, 2024)
    assert metrics.period is not None
    assert metrics.period.end is not None
    assert metrics.period.end.day == 31


def test_endpoints_and_period_of_usage() -> None:
    """The models of usage have their older names too, and the attributes that they had."""
    with Live() as live, Bluma(live.live_key, live.base_url) as client:
        client.templates.list()
        (top,) = client.usage.get_top_endpoints(limit=1)
        metrics = client.usage.get_metrics(period="7d")

    assert isinstance(top, TopEndpoint)
    assert metrics.period is not None
    assert metrics.period.start is not None
    assert metrics.period.end is not None
    assert (metrics.period.end - metrics.period.start).days == 7

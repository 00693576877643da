"""Programs written for bluma 1.2.0 work, and so do the documented calls that failed there."""

from __future__ import annotations

import dataclasses
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any, Iterator
from unittest.mock import Mock

import pytest

from bluma import Bluma, sign_webhook, verify_webhook, verify_webhook_signature
from bluma.errors import AuthenticationError, BlumaError, NetworkError, NotFoundError, RateLimitError, ValidationError
from bluma.types import ApiKey, TransactionType, Video, VideoStatus, WebhookEvent
from bluma_async.sandbox.keys import SESSION_TOKEN
from tests.live import Live, SandboxTime

CONTEXT = {"prompt": "Hello"}


@pytest.fixture
def live() -> Iterator[Live]:
    """Give a sandbox with a manual clock."""
    made = Live()
    with made:
        yield made


@pytest.fixture
def client(live: Live) -> Iterator[Bluma]:
    """Give a client, created with positional arguments as in 1.2.0."""
    clock = SandboxTime(live)
    options: Any = {"clock": clock, "trace_configs": clock.traffic.trace_configs}
    with Bluma(live.sandbox.live_key, live.sandbox.base_url, 30.0, 3, 0.0, 2.0, **options) as made:
        yield made


def test_positional_calls(client: Bluma) -> None:
    """Positional arguments have the order of 1.2.0: the context comes first."""
    variant = client.variants.create("ugc-text-overlay", "Preset", {"systemPrompt": "Hi"})
    first = client.videos.create(CONTEXT, "ugc-text-overlay")
    second = client.videos.create(CONTEXT, None, variant.id, None, {"resolution": "720p"})

    done = client.videos.wait_for(first.id, 5.0, 600.0, None)
    client.variants.update("ugc-text-overlay", variant.id, "Other", {"systemPrompt": "Ho"})
    client.variants.delete("ugc-text-overlay", variant.id)

    assert (done.status, second.variant_id) == (VideoStatus.COMPLETED, variant.id)
    assert client.credits.get_history(50, 0).total == 3
    assert client.usage.get_metrics(None, None, "7d").total_requests > 0
    assert client.usage.get_timeseries(None, None, "hour")
    assert client.usage.get_top_endpoints(None, None, 10)


def test_collections_and_assets(client: Bluma, tmp_path: Path) -> None:
    """Files are uploaded as open files, paths or bytes; collections are updated by position."""
    path = tmp_path / "one.jpg"
    path.write_bytes(b"picture")
    collection = client.collections.create("Photos", "Old", "images")

    with path.open("rb") as opened:
        uploaded = client.assets.upload([opened], "image/jpeg", collection.id)
    more = client.assets.upload(files=[io.BytesIO(b"x"), path], file_type="image/png")
    client.collections.update(collection.id, None, "New")

    assert [asset.name for asset in uploaded] == ["one.jpg"]
    assert [asset.file_size_bytes for asset in more] == [1, 7]
    assert [asset.id for asset in client.collections.list_assets(collection.id)] == [uploaded[0].id]
    assert client.collections.get(collection.id).description == "New"
    assert client.assets.get_random("image", collection.id, []).id == uploaded[0].id
    assert client.assets.list("image", None, False)


def test_keys_and_webhooks(client: Bluma) -> None:
    """New and rotated API keys contain the key itself; deliveries are listed; deletes return None."""
    with Bluma(SESSION_TOKEN, base_url=client._async._session.options.base_url) as dashboard:
        made = dashboard.api_keys.create("Mine", "test")
        rotated = dashboard.api_keys.rotate(made.id)
        dashboard.api_keys.delete(rotated.id)
    webhook = client.webhooks.create("https://127.0.0.1:1/hook", ["video.completed"])

    assert (bool(made.key), bool(rotated.key)) == (True, True)
    assert client.webhooks.get_deliveries(webhook.id) == []
    assert client.webhooks.get(webhook.id).url == webhook.url
    client.webhooks.delete(webhook.id)


def test_events_have_keys_and_attributes() -> None:
    """Item 66: `event["type"]` works as before, `event.type` as documented; a forged event is a ValueError."""
    payload = json.dumps({"id": "evt_1", "type": "video.completed", "data": {"url": "u"}})
    signature = sign_webhook(payload, "whsec_x")

    event = verify_webhook(payload, signature, "whsec_x")

    assert isinstance(event, WebhookEvent)
    assert (event["type"], event.type, event["data"]["url"], event.get("none", 1)) == (
        event.type,
        event["type"],
        "u",
        1,
    )
    assert verify_webhook_signature(payload, signature, "whsec_x") is True
    with pytest.raises(ValueError, match="Invalid webhook signature: it does not match"):
        verify_webhook(payload, signature, "whsec_y")


def test_error_attributes(live: Live, client: Bluma) -> None:
    """Errors have `status`, `status_code`, `type`, `title`, `detail`, `field` and `message`."""
    with pytest.raises(ValidationError) as refused:
        client.videos.create(CONTEXT, "invalid-template")
    with pytest.raises(ValueError, match="Either template_id or variant_id must be provided"):
        client.videos.create(CONTEXT)
    with pytest.raises(NetworkError) as unreachable:
        client.with_options(base_url="http://127.0.0.1:1", max_retries=0).templates.list()
    with pytest.raises(AuthenticationError), Bluma("bluma_live_wrong", base_url=live.sandbox.base_url) as other:
        other.templates.list()

    error = refused.value
    assert (error.status, error.status_code, error.field) == (400, 400, "template_id")
    assert all((error.type, error.title, error.detail, error.message))
    assert (unreachable.value.status, unreachable.value.status_code) == (503, 503)
    assert unreachable.value.detail == unreachable.value.message
    assert isinstance(unreachable.value.original_error, OSError)


def test_a_rate_limit_has_retry_after(live: Live, client: Bluma) -> None:
    """A 429 is raised as documented, with the seconds of Retry-After."""
    live.sandbox.faults.add("GET /templates", "status", status=429, retry_after=17)

    with pytest.raises(RateLimitError) as limited:
        client.templates.list()

    assert limited.value.retry_after == 17


@pytest.mark.parametrize("kind", ["string_error", "html", "not_json"])
def test_malformed_answers_raise_bluma_errors(live: Live, client: Bluma, kind: str) -> None:
    """Bare strings, HTML and invalid JSON raise a BlumaError."""
    live.sandbox.faults.add("GET /templates", kind, times=5)

    with pytest.raises(BlumaError):
        client.templates.list()


def test_models(live: Live, client: Bluma) -> None:
    """Models are dataclasses; enums print their values, keep unknown values, and can be serialised as JSON."""
    live.sandbox.faults.add("GET /videos/{id}", "new_status")
    video = client.videos.create(CONTEXT, "ugc-text-overlay")

    unknown = client.videos.get(video.id)

    assert dataclasses.is_dataclass(Video)
    assert (str(video.status), f"{video.status}", json.dumps(video.status)) == ("queued", "queued", '"queued"')
    assert unknown.status not in set(VideoStatus)
    assert [template.base_cost for template in client.templates.list()] == [2] * 5
    assert TransactionType.CREDIT is TransactionType.PURCHASE
    assert ApiKey(id="k", last_used_at=datetime(2025, 1, 1)).last_used == datetime(2025, 1, 1)  # noqa: DTZ001 - any datetime


def test_mocks_and_new_calls(client: Bluma) -> None:
    """Features that 1.2.0 lacked: resources on the class, `videos.list`, `webhooks.get`, retry functions, headers."""
    mock: Any = Mock(spec=Bluma)
    mock.videos.get.return_value = 1

    assert mock.videos.get("x") == 1
    assert client.videos.list().pagination.total == 0
    assert client.with_options(default_headers={"X-Mine": "1"}, should_retry=lambda *_: False).templates.list()
    with pytest.raises(NotFoundError):
        client.webhooks.get("webhook_unknown")

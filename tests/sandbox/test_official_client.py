"""
The official client, bluma 1.2.0, can read every answer of the sandbox.

Its models are strict: a required field that is missing or null raises an error in the caller's program. MODELS lists
the fields that they require, with their types, and the requests are those that its methods send.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

import aiohttp
import pytest

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import JOB, Inbox, Plain, parse_time

TEXT, NUMBER, WHOLE, OBJECT, TEXTS, FLAG = "text", "number", "whole", "object", "texts", "flag"
TIME = "time"
ASSET = {
    "id": TEXT, "brand_id": TEXT, "name": TEXT, "original_filename": TEXT, "file_type": TEXT, "file_size_bytes": WHOLE,
    "s3_key": TEXT, "cdn_url": TEXT, "created_at": TIME, "updated_at": TIME,
}  # fmt: skip
KEY = {"id": TEXT, "name": TEXT, "environment": TEXT, "created_at": TIME}
MODELS: Mapping[str, Mapping[str, str]] = {
    "Video": {"id": TEXT, "status": TEXT, "template_id": TEXT, "created_at": TIME},
    "VideoDownload": {"download_url": TEXT, "expires_at": TIME},
    "Template": {
        "id": TEXT, "name": TEXT, "description": TEXT, "base_cost": WHOLE, "category": TEXT, "duration": WHOLE,
        "aspect_ratio": TEXT, "context_schema": OBJECT,
    },
    "CreditBalance": {"credits": WHOLE, "tier": TEXT, "monthly_allowance": WHOLE},
    "Transaction": {
        "id": TEXT, "type": TEXT, "amount": WHOLE, "balance_after": WHOLE, "description": TEXT, "created_at": TIME,
    },
    "Webhook": {"id": TEXT, "url": TEXT, "events": TEXTS, "is_active": FLAG, "created_at": TIME},
    "WebhookDelivery": {
        "id": TEXT, "event_id": TEXT, "event_type": TEXT, "attempt_number": WHOLE, "status_code": WHOLE,
        "duration_ms": WHOLE, "created_at": TIME,
    },
    "UsageMetrics": {
        "total_requests": WHOLE, "successful_requests": WHOLE, "failed_requests": WHOLE, "average_latency": NUMBER,
        "credits_consumed": WHOLE, "period": OBJECT,
    },
    "TimeSeriesPoint": {"timestamp": TIME, "requests": WHOLE, "latency": NUMBER, "success_rate": NUMBER},
    "TopEndpoint": {
        "endpoint": TEXT, "method": TEXT, "requests": WHOLE, "average_latency": NUMBER, "error_rate": NUMBER,
    },
    "RecentRequest": {
        "id": TEXT, "method": TEXT, "endpoint": TEXT, "status_code": WHOLE, "latency": WHOLE, "timestamp": TIME,
    },
    "UsageByKey": {"api_key_id": TEXT, "api_key_name": TEXT, "requests": WHOLE, "credits_consumed": WHOLE},
    "ErrorBreakdown": {"status_code": WHOLE, "count": WHOLE, "percentage": NUMBER},
    "ApiKey": KEY,
    "NewApiKey": {**KEY, "key": TEXT},
    "TemplateVariant": {
        "id": TEXT, "template_id": TEXT, "brand_id": TEXT, "name": TEXT, "payload": OBJECT, "is_active": FLAG,
        "created_at": TIME, "updated_at": TIME,
    },
    "Collection": {"id": TEXT, "brand_id": TEXT, "name": TEXT, "created_at": TIME, "updated_at": TIME},
    "Asset": ASSET,
}  # fmt: skip
CHECKS: Mapping[str, Any] = {
    TEXT: lambda value: isinstance(value, str),
    NUMBER: lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    WHOLE: lambda value: isinstance(value, int) and not isinstance(value, bool),
    OBJECT: lambda value: isinstance(value, dict),
    TEXTS: lambda value: isinstance(value, list) and all(isinstance(entry, str) for entry in value),
    FLAG: lambda value: isinstance(value, bool),
    TIME: lambda value: isinstance(value, str) and parse_time(value),
}
POOL, DASHBOARD = "/asset-pool", "/dashboard/templates/meme-dialogue/variants"


def find_problems(model: str, value: Mapping[str, Any]) -> List[Tuple[str, Any]]:
    """Return the fields of a model that the official client could not read."""
    return [(name, value.get(name)) for name, kind in MODELS[model].items() if not CHECKS[kind](value.get(name))]


async def read(plain: Plain, model: str, method: str, path: str, body: Any = None, **options: Any) -> Any:
    """Send a request of the official client, and assert that its model can read the answer, or each of a list."""
    status, answer, _ = await plain(method, path, body, **options)
    assert status < 300, (method, path, answer)
    lists = [value for value in answer.values() if isinstance(value, list) and path and "id" not in answer]
    for value in lists[0] if lists else [answer]:
        assert find_problems(model, value) == [], (method, path)
    assert not lists or lists[0], (method, path, "an empty list shows nothing")
    return lists[0] if lists else answer


async def test_videos_and_credits(sandbox: Sandbox, plain: Plain) -> None:
    """`videos`, `templates`, `credits` and `usage`, in every state of a video."""
    made = await read(plain, "Video", "POST", "/videos", JOB)
    failing = await plain.make("[fail]")
    for pause in (1, 6, 105):
        await read(plain, "Video", "GET", f"/videos/{made['id']}")
        await sandbox.advance(pause)
        await sandbox.advance(0)
    done = await read(plain, "Video", "GET", f"/videos/{made['id']}")
    failed = await read(plain, "Video", "GET", f"/videos/{failing['id']}")
    await read(plain, "VideoDownload", "GET", f"/videos/{made['id']}/download")
    await read(plain, "Template", "GET", "/templates")
    await read(plain, "Template", "GET", "/templates/meme-dialogue")
    await read(plain, "CreditBalance", "GET", "/credits/balance")
    await read(plain, "Transaction", "GET", "/credits/history?limit=50&offset=0")
    await read(plain, "UsageMetrics", "GET", "/usage/metrics?period=7d")
    await read(plain, "TimeSeriesPoint", "GET", "/usage/timeseries?granularity=hour")
    await read(plain, "TopEndpoint", "GET", "/usage/endpoints?limit=10")

    assert (done["duration"], type(done["size_bytes"]), failed["status"]) == (15, int, "failed")
    assert {"type", "detail"} <= set(failed["error"])


@pytest.mark.extra_fields
async def test_a_listed_video_has_its_duration(sandbox: Sandbox, plain: Plain) -> None:
    """With `extra_fields`, `GET /videos` shows the duration of a completed video, and null before."""
    await plain.make()
    before = (await plain("GET", "/videos"))[1]["videos"]
    await sandbox.advance(0)
    await sandbox.advance(105)

    after = (await plain("GET", "/videos"))[1]["videos"]

    assert (before[0]["duration"], after[0]["duration"]) == (None, 15)


async def test_the_quickstarts_fields_of_a_template_come_first(plain: Plain) -> None:
    """The six fields of the quickstart, in its order, and after them the four that 1.2.0 reads besides."""
    templates = (await plain("GET", "/templates"))[1]["templates"]

    assert len(templates) == 5
    for template in templates:
        assert list(template) == [
            "id", "name", "description", "category", "credits_per_video", "duration_range",
            "base_cost", "duration", "aspect_ratio", "context_schema",
        ]  # fmt: skip
        assert template["base_cost"] == template["credits_per_video"] == 2
        assert template["duration_range"]["min"] <= template["duration"] <= template["duration_range"]["max"]


async def test_keys_and_usage(plain: Plain) -> None:
    """`api_keys` and the further calls of `usage` whose models 1.2.0 has; a key shows its last use under both names."""
    made = await read(plain, "NewApiKey", "POST", "/api-keys", {"name": "k", "environment": "test"})
    await read(plain, "NewApiKey", "POST", f"/api-keys/{made['id']}/rotate")
    keys = await read(plain, "ApiKey", "GET", "/api-keys")
    await plain("GET", "/videos/nothing")
    await read(plain, "RecentRequest", "GET", "/usage/requests?limit=10")
    await read(plain, "UsageByKey", "GET", "/usage/by-key")
    await read(plain, "ErrorBreakdown", "GET", "/usage/errors")

    used = next(key for key in keys if key["environment"] == "production")
    assert used["last_used"] == used["last_used_at"] is not None
    assert (await plain("DELETE", f"/api-keys/{made['id']}"))[1] == {}


async def test_webhooks(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """`webhooks`; an attempt that got no answer has the status 0, because the model requires a number."""
    made = await read(plain, "Webhook", "POST", "/webhooks", {"url": inbox.url, "events": ["video.queued"]})
    await read(plain, "Webhook", "GET", "/webhooks")
    await plain.make()
    await sandbox.advance(0)
    sandbox._running.webhooks.need(made["id"])["url"] = "http://127.0.0.1:1/hook"
    await plain.make()
    await sandbox.advance(0)

    attempts = await read(plain, "WebhookDelivery", "GET", f"/webhooks/{made['id']}/deliveries")

    assert [row["status_code"] for row in attempts] == [0, 200]
    assert attempts[0]["error_message"]


async def test_variants(plain: Plain) -> None:
    """`variants`, under the paths of 1.2.0."""
    made = await read(plain, "TemplateVariant", "POST", DASHBOARD, {"name": "v"})
    await read(plain, "TemplateVariant", "GET", DASHBOARD)
    await read(plain, "TemplateVariant", "GET", f"{DASHBOARD}/{made['id']}")
    body = {"name": "w", "payload": {"settings": {"systemPrompt": "Hi"}}}
    changed = await read(plain, "TemplateVariant", "PUT", f"{DASHBOARD}/{made['id']}", body)

    assert changed["payload"]["settings"] == {"systemPrompt": "Hi"}
    assert (await plain("DELETE", f"{DASHBOARD}/{made['id']}"))[1] == {}


def build_form(name: str, kind: str, **fields: str) -> aiohttp.FormData:
    """Return the form in which 1.2.0 sends a file."""
    form = aiohttp.FormData(list(fields.items()))
    form.add_field("files", b"fake-image-data", filename=name, content_type=kind)
    return form


async def test_collections_and_assets(plain: Plain) -> None:
    """`collections` and `assets`, under the paths of 1.2.0."""
    collection = await read(plain, "Collection", "POST", f"{POOL}/collections", {"name": "c", "asset_type": "all"})
    path = f"{POOL}/collections/{collection['id']}"
    form = build_form("test.jpg", "application/octet-stream", collection_id=collection["id"])
    (asset,) = await read(plain, "Asset", "POST", f"{POOL}/assets/upload", data=form)
    for model, route in (("Collection", f"{POOL}/collections"), ("Collection", path), ("Asset", f"{path}/assets")):
        await read(plain, model, "GET", route)
    await read(plain, "Collection", "PUT", path, {"name": "d"})
    await read(plain, "Collection", "PATCH", path, {"description": "e"})
    await read(plain, "Asset", "GET", f"{POOL}/assets?includeDeleted=true&fileType=image/jpeg")
    await read(plain, "Asset", "GET", f"{POOL}/assets/random?fileType=image&collectionId={collection['id']}")
    await read(plain, "Asset", "PUT", f"{POOL}/assets/{asset['id']}", {"name": "new"})
    await plain("DELETE", f"{POOL}/assets/{asset['id']}")
    await read(plain, "Asset", "GET", f"{POOL}/assets/{asset['id']}")
    await read(plain, "Asset", "POST", f"{POOL}/assets/{asset['id']}/recover")


@pytest.mark.parametrize(
    ("name", "kind", "stored"),
    [
        ("a.jpg", "application/octet-stream", "image/jpeg"),
        ("a.MP4", "application/octet-stream", "video/mp4"),
        ("a.jpg", "image/png", "image/png"),
        ("a.txt", "application/octet-stream", None),
        ("a", "application/octet-stream", None),
        ("a.jpg", "text/plain", None),
    ],
)
async def test_a_file_without_a_type_has_that_of_its_name(plain: Plain, name: str, kind: str, stored: Any) -> None:
    """1.2.0 labels files `application/octet-stream` unless told otherwise; then the name decides, and only then."""
    status, answer, _ = await plain("POST", f"{POOL}/assets/upload", data=build_form(name, kind))

    rows: List[Dict[str, Any]] = answer.get("assets", [])
    assert [row["file_type"] for row in rows] == ([] if stored is None else [stored])
    assert status == (400 if stored is None else 201)


async def test_the_field_of_an_error_is_in_its_metadata(plain: Plain) -> None:
    """1.2.0 reads `error.field` from `metadata.field`, the documents have `validation_errors`: both are sent."""
    for body, field in (({}, "context"), ({"context": {"prompt": "x"}, "template_id": "none"}, "template_id")):
        _, answer, _ = await plain("POST", "/videos", body)

        error = answer["error"]
        assert (error["metadata"]["field"], error["validation_errors"][0]["field"]) == (field, field)

"""
The fields of the models that `make` makes: for each model, the name of each field and its value.

A function gets the number of the object and the fields that are known already, those of the caller first.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Union

if TYPE_CHECKING:
    from typing_extensions import TypeAlias

__all__ = ["TABLE", "VIDEO_BY_STATUS", "Fields", "add_fields", "video_fields"]

Fields: TypeAlias = "Mapping[str, Any]"
Value: TypeAlias = "Union[Any, Callable[[int, Fields], Any]]"

START = datetime(2026, 1, 5, 12, 0, tzinfo=timezone.utc)
END = START + timedelta(seconds=105)
CDN = "https://cdn.example.com"


def _text(form: str) -> Callable[[int, Fields], str]:
    """Return a function that puts the number of the object into a text."""
    return lambda number, known: form.format(number=number, **known)


def _count(name: str) -> Callable[[int, Fields], int]:
    return lambda _, known: len(known[name])


# The fields of a video that depend on its status. Those of an unknown status are those of `processing`.
VIDEO_BY_STATUS: Mapping[str, Fields] = {
    "queued": {"progress": 0},
    "processing": {"progress": 50},
    "completed": {
        "progress": 100, "url": _text(CDN + "/videos/{id}.mp4"), "thumbnail_url": _text(CDN + "/thumbnails/{id}.jpg"),
        "duration": 30, "size_bytes": 4_000_000, "completed_at": END,
    },
    "failed": {
        "progress": 40, "completed_at": END,
        "error": {"type": "rendering_failed", "detail": "Invalid asset URL provided in context"},
    },
}  # fmt: skip


def add_fields(known: Dict[str, Any], table: Fields, number: int) -> None:
    """Add the fields of a table that are not known yet."""
    for name, value in table.items():
        if name not in known:
            known[name] = value(number, known) if callable(value) else deepcopy(value)


def video_fields(known: Fields) -> Fields:
    """Return the fields that fit to the status of a video."""
    return VIDEO_BY_STATUS.get(str(known["status"]), VIDEO_BY_STATUS["processing"])


TABLE: Mapping[str, Mapping[str, Value]] = {
    "ApiKey": {
        "id": _text("key_{number}"), "name": _text("Key {number}"), "environment": "test", "prefix": "bluma_test_1234",
        "scopes": ["videos:read", "videos:create"], "rate_limit_per_hour": 1000, "last_used_at": END,
        "created_at": START,
    },
    "Asset": {
        "id": _text("asset_{number}"), "name": _text("picture{number}.jpg"), "cdn_url": _text(CDN + "/assets/{id}"),
        "file_type": "image/jpeg", "file_size_bytes": 20_000, "original_filename": _text("{name}"),
        "source_type": "upload", "brand_id": "brand_1", "user_id": "user_1", "created_at": START, "updated_at": START,
    },
    "AssetUploadResponse": {
        "asset_id": _text("asset_{number}"), "upload_url": _text("https://uploads.example.com/{asset_id}?sig=1"),
        "cdn_url": _text(CDN + "/assets/{asset_id}"), "expires_at": END,
    },
    "AuditMismatch": {"kind": "unpaid", "video_id": _text("batch_{number}"), "key": _text("job-{number}"),
                      "charged": 2},
    "BatchAudit": {"videos": 3, "transactions": 3, "credits_charged": 6},
    "BatchPlan": {"total": 3, "new": 1, "done": 2, "credits": 2, "balance": 500, "balance_after": 498, "requests": 6},
    "BatchResult": {"key": _text("job-{number}"), "state": "rendered", "video_id": _text("batch_{number}"),
                    "credits_charged": 2},
    "BatchStatus": {"total": 3, "rendering": 1, "saved": 2, "credits_charged": 6},
    "Collection": {
        "id": _text("coll_{number}"), "name": _text("Collection {number}"), "asset_count": 1, "asset_type": "images",
        "brand_id": "brand_1", "user_id": "user_1", "created_at": START, "updated_at": START,
    },
    "CreditBalance": {
        "credits": 500, "tier": "pro", "monthly_allowance": 500, "reset_date": START + timedelta(days=30),
        "usage": {"total_spent": 20, "average_per_video": 2.0},
    },
    "CreditHistory": {"transactions": [], "total": _count("transactions")},
    "EndpointUsage": {"endpoint": "/videos", "method": "POST", "requests": 10, "average_latency": 120.0},
    "ErrorBreakdown": {"status_code": 429, "count": 1, "percentage": 10.0},
    "GeneratedVideo": {"url": _text(CDN + "/generations/{number}.mp4"), "width": 1280, "height": 720, "duration": 5.0},
    "Generation": {
        "id": _text("generation_{number}"), "provider": "umami", "state": "succeeded", "raw_state": "completed",
        "prompt": "Flying jellyfish", "url": _text(CDN + "/generations/{id}.mp4"), "created_at": START,
        "completed_at": END,
    },
    "OpenCreate": {"idempotency_key": _text("idempotency-key-{number}"), "template_id": "ugc-text-overlay",
                   "started_at": START},
    "Pagination": {"total": 1, "total_pages": 1},
    "PlannedCost": {"template_id": "ugc-text-overlay", "jobs": 1, "credits_each": 2, "credits": 2},
    "RecentRequest": {"id": _text("req_{number}"), "method": "GET", "endpoint": "/videos", "status_code": 200,
                      "latency": 40.0, "timestamp": START},
    "SettledCreate": {"create": {"idempotency_key": "idempotency-key-1"}, "result": "not_accepted"},
    "Template": {
        "id": "ugc-text-overlay", "name": "UGC text overlay", "description": "Words over a video", "category": "ugc",
        "base_cost": 2, "credits_per_video": lambda _, known: known["base_cost"], "duration": 30,
        "aspect_ratio": "9:16", "supported_resolutions": ["720p", "1080p"],
        "context_schema": {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]},
    },
    "TemplateVariant": {
        "id": _text("var_{number}"), "template_id": "ugc-text-overlay", "name": _text("Preset {number}"),
        "payload": {"settings": {}}, "brand_id": "brand_1", "created_at": START, "updated_at": START,
    },
    "TimeSeriesPoint": {"timestamp": START, "requests": 10, "latency": 40.0, "success_rate": 1.0},
    "Transaction": {"id": _text("txn_{number}"), "type": "deduction", "amount": -2, "balance_after": 498,
                    "description": "Video generation", "created_at": START},
    "UsageByKey": {"api_key_id": "key_1", "api_key_name": "Key 1", "requests": 10, "credits_consumed": 20},
    "UsageMetrics": {"total_requests": 10, "successful_requests": 10, "average_latency": 40.0, "credits_consumed": 20,
                     "period": {"start": START, "end": END}},
    "UsagePeriod": {"start": START, "end": END},
    "Video": {"id": _text("batch_{number}"), "status": "completed", "template_id": "ugc-text-overlay",
              "credits_charged": 2, "created_at": START},
    "VideoDownload": {"download_url": _text(CDN + "/videos/batch_{number}.mp4?signed=1"), "expires_at": END},
    "VideoEstimate": {"template_id": "ugc-text-overlay", "credits": 2},
    "VideoPage": {"videos": [], "pagination": lambda _, known: {"total": len(known["videos"]), "total_pages": 1}},
    "Webhook": {"id": _text("webhook_{number}"), "url": "https://app.example.com/webhooks/bluma",
                "events": ["video.completed", "video.failed"], "secret": "whsec_1", "created_at": START},
    "WebhookDelivery": {"id": _text("delivery_{number}"), "event_id": _text("evt_{number}"),
                        "event_type": "video.completed", "status_code": 200, "duration_ms": 20, "created_at": START},
}  # fmt: skip

"""JSON Schemas of what goes in and what comes out, by the names that routes call them."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from bluma_async.sandbox.catalog import BY_ID, MULTIPLIERS
from bluma_async.sandbox.events import EVENT_TYPES
from bluma_async.sandbox.keys import PREFIXES, TIERS

__all__ = ["SCHEMAS"]

Schema = Dict[str, Any]
TEXT: Schema = {"type": "string"}
SOME_TEXT: Schema = {"type": "string", "minLength": 1, "pattern": r"\S"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
DATE: Schema = {"type": "string", "format": "date-time"}
URL: Schema = {
    "type": "string",
    "format": "uri",
    "pattern": r"^https?://[A-Za-z0-9.-]+(:[1-9][0-9]{0,3})?(/[A-Za-z0-9/_.-]*)?$",
}
FREE: Schema = {"type": "object"}
NULL: Schema = {"type": "null"}
WORDS: Schema = {"type": "array", "items": {"type": "string", "minLength": 1}}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _object(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}}


def _list(name: str, item: str, **more: Schema) -> Schema:
    items: Schema = {"type": "array", "items": {"$ref": f"#/components/schemas/{item}"}}
    return _object({name: items, **more})


CONTEXT = _object(
    {"prompt": SOME_TEXT},
    {"brand_assets": FREE, "system_prompt": SOME_TEXT, "brand_id": SOME_TEXT, "custom_data": FREE},
)
VIDEO_OPTIONS = _object({}, {"resolution": {"type": "string", "enum": list(MULTIPLIERS)}, "watermark": FLAG})
JOB = {"context": CONTEXT}
JOB_MORE = {"options": VIDEO_OPTIONS, "webhook_url": URL}
STATUS: Schema = {"type": "string", "enum": ["queued", "processing", "completed", "failed"]}
TEMPLATE = {
    "id": TEXT,
    "name": TEXT,
    "description": TEXT,
    "category": TEXT,
    "credits_per_video": WHOLE,
    "duration_range": _object({"min": WHOLE, "max": WHOLE}),
}
KEY: Dict[str, Schema] = {
    "id": TEXT,
    "name": TEXT,
    "prefix": TEXT,
    "environment": {"type": "string", "enum": list(PREFIXES)},
    "is_active": FLAG,
    "scopes": WORDS,
    "rate_limit_per_hour": WHOLE,
    "last_used_at": _or_null(DATE),
    "created_at": DATE,
}
WEBHOOK = {"id": TEXT, "url": TEXT, "events": WORDS, "is_active": FLAG, "created_at": DATE}
PRESIGNED = _object({"asset_id": TEXT, "upload_url": TEXT, "cdn_url": TEXT, "expires_at": DATE})
SETTINGS = _object({}, {"settings": FREE})

SCHEMAS: Mapping[str, Schema] = {
    "Nothing": FREE,
    "Anything": FREE,
    "Error": _object({"error": {"type": ["object", "string"]}}),
    "VideoRequest": {
        "oneOf": [
            _object({**JOB, "template_id": {"type": "string", "enum": list(BY_ID)}}, {**JOB_MORE, "variant_id": NULL}),
            _object({**JOB, "variant_id": SOME_TEXT}, {**JOB_MORE, "template_id": NULL}),
        ]
    },
    "AcceptedVideo": _object(
        {
            "id": TEXT,
            "status": STATUS,
            "template_id": TEXT,
            "variant_id": _or_null(TEXT),
            "created_at": DATE,
            "estimated_completion": DATE,
            "status_url": TEXT,
            "credits_charged": WHOLE,
        }
    ),
    "Video": _object(
        {"id": TEXT, "status": STATUS, "progress": WHOLE, "template_id": TEXT, "created_at": DATE},
        {
            "variant_id": _or_null(TEXT),
            "credits_charged": WHOLE,
            "url": _or_null(TEXT),
            "thumbnail_url": _or_null(TEXT),
            "duration": _or_null(WHOLE),
            "size_bytes": _or_null(WHOLE),
            "completed_at": _or_null(DATE),
            "error": _object({"type": TEXT, "detail": TEXT}),
        },
    ),
    "ListedVideo": _object(
        {
            "id": TEXT,
            "template_id": TEXT,
            "status": STATUS,
            "video_url": _or_null(TEXT),
            "thumbnail_url": _or_null(TEXT),
            "created_at": DATE,
            "completed_at": _or_null(DATE),
        }
    ),
    "VideoList": _list(
        "videos",
        "ListedVideo",
        pagination=_object({"page": WHOLE, "limit": WHOLE, "total": WHOLE, "total_pages": WHOLE}),
    ),
    "VideoDownload": _object({"download_url": TEXT, "expires_at": DATE}),
    "ListedTemplate": _object(TEMPLATE),
    "TemplateList": _list("templates", "ListedTemplate", total=WHOLE),
    "Template": _object({**TEMPLATE, "base_cost": WHOLE, "context_schema": FREE, "requires_context": FREE}),
    "CreditBalance": _object(
        {
            "credits": WHOLE,
            "tier": {"type": "string", "enum": list(TIERS)},
            "monthly_allowance": WHOLE,
            "overage_used": WHOLE,
            "reset_date": DATE,
            "usage": _object({"total_spent": WHOLE, "average_per_video": NUMBER}),
        }
    ),
    "Transaction": _object(
        {
            "id": TEXT,
            "type": {"type": "string", "enum": ["deduction", "purchase", "refund"]},
            "amount": WHOLE,
            "balance_after": WHOLE,
            "description": TEXT,
            "metadata": FREE,
            "created_at": DATE,
        }
    ),
    "CreditHistory": _list("transactions", "Transaction", total=WHOLE),
    "ApiKeyRequest": _object(
        {"name": SOME_TEXT, "environment": {"type": "string", "enum": list(PREFIXES)}},
        {"rate_limit_per_hour": {"type": "integer", "minimum": 1, "maximum": 10**6}},
    ),
    "ApiKey": _object(KEY),
    "NewApiKey": _object({"api_key": TEXT, "key": TEXT, **KEY, "warning": TEXT}),
    "ApiKeyList": _list("api_keys", "ApiKey", total=WHOLE),
    "WebhookRequest": _object(
        {
            "url": {**URL, "pattern": URL["pattern"].replace("https?", "https")},
            "events": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(EVENT_TYPES)}},
        }
    ),
    "Webhook": _object(WEBHOOK),
    "NewWebhook": _object({**WEBHOOK, "secret": TEXT, "warning": TEXT}),
    "WebhookList": _list("webhooks", "Webhook", total=WHOLE),
    "Delivery": _object(
        {
            "id": TEXT,
            "event_id": TEXT,
            "event_type": TEXT,
            "attempt_number": WHOLE,
            "status_code": _or_null(WHOLE),
            "duration_ms": WHOLE,
            "error_message": _or_null(TEXT),
            "next_retry_at": _or_null(DATE),
            "created_at": DATE,
        }
    ),
    "DeliveryList": _list("deliveries", "Delivery", total=WHOLE),
    "UsageMetrics": _object(
        {
            "total_requests": WHOLE,
            "successful_requests": WHOLE,
            "failed_requests": WHOLE,
            "average_latency": NUMBER,
            "credits_consumed": WHOLE,
            "period": _object({"start": DATE, "end": DATE}),
        }
    ),
    "TimePoint": _object({"timestamp": DATE, "requests": WHOLE, "latency": NUMBER, "success_rate": NUMBER}),
    "TimeSeries": _list("timeseries", "TimePoint"),
    "Endpoint": _object(
        {"endpoint": TEXT, "method": TEXT, "requests": WHOLE, "average_latency": NUMBER, "error_rate": NUMBER}
    ),
    "EndpointList": _list("endpoints", "Endpoint"),
    "RecentRequest": _object(
        {
            "id": TEXT,
            "method": TEXT,
            "endpoint": TEXT,
            "status_code": _or_null(WHOLE),
            "latency": NUMBER,
            "timestamp": DATE,
        }
    ),
    "RecentRequestList": _list("requests", "RecentRequest"),
    "KeyUsage": _object({"api_key_id": TEXT, "api_key_name": TEXT, "requests": WHOLE, "credits_consumed": WHOLE}),
    "KeyUsageList": _list("keys", "KeyUsage"),
    "ErrorShare": _object({"status_code": WHOLE, "count": WHOLE, "percentage": NUMBER}),
    "ErrorList": _list("errors", "ErrorShare"),
    "VariantRequest": _object({"name": SOME_TEXT}, {"payload": SETTINGS}),
    "VariantUpdate": {"anyOf": [_object({"name": SOME_TEXT}, {"payload": SETTINGS}), _object({"payload": SETTINGS})]},
    "Variant": _object(
        {
            "id": TEXT,
            "template_id": TEXT,
            "name": TEXT,
            "payload": FREE,
            "is_active": FLAG,
            "created_at": DATE,
            "updated_at": DATE,
        }
    ),
    "VariantList": _list("variants", "Variant", total=WHOLE),
    "NameRequest": _object({"name": SOME_TEXT}),
    "CollectionRequest": _object(
        {"name": SOME_TEXT},
        {"description": SOME_TEXT, "asset_type": {"type": "string", "enum": ["images", "videos", "all"]}},
    ),
    "CollectionUpdate": {
        "anyOf": [_object({"name": SOME_TEXT}, {"description": SOME_TEXT}), _object({"description": SOME_TEXT})]
    },
    "Collection": _object(
        {
            "id": TEXT,
            "name": TEXT,
            "asset_type": TEXT,
            "asset_count": WHOLE,
            "user_id": TEXT,
            "is_global": FLAG,
            "created_at": DATE,
        },
        {"description": _or_null(TEXT), "deleted_at": _or_null(DATE)},
    ),
    "CollectionList": _list("collections", "Collection", total=WHOLE),
    "AssetIds": _object({"assetIds": WORDS}),
    "AssetUpload": _object({"fileName": SOME_TEXT, "fileType": SOME_TEXT}, {"collectionIds": WORDS}),
    "AssetUploadAnswer": {"anyOf": [PRESIGNED, _list("assets", "Asset", total=WHOLE)]},
    "Asset": _object(
        {
            "id": TEXT,
            "name": TEXT,
            "display_name": TEXT,
            "cdn_url": TEXT,
            "cloudfront_url": TEXT,
            "s3_url": TEXT,
            "file_type": TEXT,
            "file_size_bytes": WHOLE,
            "source_type": TEXT,
            "user_id": TEXT,
            "created_at": DATE,
            "deleted_at": _or_null(DATE),
        }
    ),
    "AssetList": _list("assets", "Asset", total=WHOLE),
}

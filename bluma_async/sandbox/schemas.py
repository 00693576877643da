"""JSON Schemas of bodies and answers, by the names that the routes use."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from bluma_async.sandbox.catalog import BY_ID, MULTIPLIERS
from bluma_async.sandbox.events import EVENT_TYPES
from bluma_async.sandbox.keys import PREFIXES, TIERS

__all__ = ["SCHEMAS"]

Schema = Dict[str, Any]
TEXT: Schema = {"type": "string"}
NON_BLANK: Schema = {"type": "string", "minLength": 1, "pattern": r"\S"}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
BOOLEAN: Schema = {"type": "boolean"}
DATE_TIME: Schema = {"type": "string", "format": "date-time"}
# Narrower than the checks: a fuzzer that draws from this pattern names no port of a service.
URL: Schema = {
    "type": "string",
    "format": "uri",
    "pattern": r"^https?://[A-Za-z0-9.-]+(:80[0-7][0-9])?(/[A-Za-z0-9/_.-]*)?$",
}
ANY_OBJECT: Schema = {"type": "object"}
FILES: Schema = {"type": "array", "minItems": 1, "maxItems": 20, "items": {"type": "string", "format": "binary"}}
NULL: Schema = {"type": "null"}
STRINGS: Schema = {"type": "array", "items": {"type": "string", "minLength": 1}}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _object(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}}


def _list(name: str, item: str, **more: Schema) -> Schema:
    items: Schema = {"type": "array", "items": {"$ref": f"#/components/schemas/{item}"}}
    return _object({name: items, **more})


CONTEXT = _object(
    {"prompt": NON_BLANK},
    {"brand_assets": ANY_OBJECT, "system_prompt": NON_BLANK, "brand_id": NON_BLANK, "custom_data": ANY_OBJECT},
)
VIDEO_OPTIONS = _object({}, {"resolution": {"type": "string", "enum": list(MULTIPLIERS)}, "watermark": BOOLEAN})
VIDEO_REQUIRED = {"context": CONTEXT}
VIDEO_OPTIONAL = {"options": VIDEO_OPTIONS, "webhook_url": URL}
STATUS: Schema = {"type": "string", "enum": ["queued", "processing", "completed", "failed"]}
TEMPLATE = {
    "id": TEXT,
    "name": TEXT,
    "description": TEXT,
    "category": TEXT,
    "credits_per_video": INTEGER,
    "duration_range": _object({"min": INTEGER, "max": INTEGER}),
    "base_cost": INTEGER,
    "duration": INTEGER,
    "aspect_ratio": TEXT,
    "context_schema": ANY_OBJECT,
}
KEY: Dict[str, Schema] = {
    "id": TEXT,
    "name": TEXT,
    "prefix": TEXT,
    "environment": {"type": "string", "enum": list(PREFIXES)},
    "is_active": BOOLEAN,
    "scopes": STRINGS,
    "rate_limit_per_hour": INTEGER,
    "last_used_at": _or_null(DATE_TIME),
    "last_used": _or_null(DATE_TIME),
    "created_at": DATE_TIME,
}
WEBHOOK = {"id": TEXT, "url": TEXT, "events": STRINGS, "is_active": BOOLEAN, "created_at": DATE_TIME}
PRESIGNED = _object({"asset_id": TEXT, "upload_url": TEXT, "cdn_url": TEXT, "expires_at": DATE_TIME})
ASSET_TEXTS = (
    "id", "name", "display_name", "original_filename", "cdn_url", "cloudfront_url", "s3_url", "s3_key", "file_type",
    "source_type", "user_id", "brand_id",
)  # fmt: skip
SETTINGS = _object({}, {"settings": ANY_OBJECT})

SCHEMAS: Mapping[str, Schema] = {
    "Nothing": ANY_OBJECT,
    "Anything": ANY_OBJECT,
    "Error": _object({"error": {"type": ["object", "string"]}}),
    "VideoRequest": {
        "oneOf": [
            _object(
                {**VIDEO_REQUIRED, "template_id": {"type": "string", "enum": list(BY_ID)}},
                {**VIDEO_OPTIONAL, "variant_id": NULL},
            ),
            _object({**VIDEO_REQUIRED, "variant_id": NON_BLANK}, {**VIDEO_OPTIONAL, "template_id": NULL}),
        ]
    },
    "AcceptedVideo": _object(
        {
            "id": TEXT,
            "status": STATUS,
            "template_id": TEXT,
            "variant_id": _or_null(TEXT),
            "created_at": DATE_TIME,
            "estimated_completion": DATE_TIME,
            "status_url": TEXT,
            "credits_charged": INTEGER,
        }
    ),
    "Video": _object(
        {"id": TEXT, "status": STATUS, "progress": INTEGER, "template_id": TEXT, "created_at": DATE_TIME},
        {
            "variant_id": _or_null(TEXT),
            "credits_charged": INTEGER,
            "url": _or_null(TEXT),
            "thumbnail_url": _or_null(TEXT),
            "duration": _or_null(INTEGER),
            "size_bytes": _or_null(INTEGER),
            "completed_at": _or_null(DATE_TIME),
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
            "created_at": DATE_TIME,
            "completed_at": _or_null(DATE_TIME),
        },
        {"variant_id": _or_null(TEXT), "duration": _or_null(INTEGER)},
    ),
    "VideoList": _list(
        "videos",
        "ListedVideo",
        pagination=_object({"page": INTEGER, "limit": INTEGER, "total": INTEGER, "total_pages": INTEGER}),
    ),
    "VideoDownload": _object({"download_url": TEXT, "expires_at": DATE_TIME}),
    "ListedTemplate": _object(TEMPLATE),
    "TemplateList": _list("templates", "ListedTemplate", total=INTEGER),
    "Template": _object(
        {
            **TEMPLATE,
            "thumbnail_url": _or_null(TEXT),
            "example_video_url": _or_null(TEXT),
            "example_url": _or_null(TEXT),
            "supported_resolutions": STRINGS,
            "requires_context": ANY_OBJECT,
        }
    ),
    "CreditBalance": _object(
        {
            "credits": INTEGER,
            "tier": {"type": "string", "enum": list(TIERS)},
            "monthly_allowance": INTEGER,
            "overage_used": INTEGER,
            "reset_date": DATE_TIME,
            "usage": _object({"total_spent": INTEGER, "average_per_video": NUMBER}),
        }
    ),
    "Transaction": _object(
        {
            "id": TEXT,
            "type": {"type": "string", "enum": ["deduction", "purchase", "refund"]},
            "amount": INTEGER,
            "balance_after": INTEGER,
            "description": TEXT,
            "metadata": ANY_OBJECT,
            "created_at": DATE_TIME,
        }
    ),
    "CreditHistory": _list("transactions", "Transaction", total=INTEGER),
    "ApiKeyRequest": _object(
        {"name": NON_BLANK, "environment": {"type": "string", "enum": list(PREFIXES)}},
        {"rate_limit_per_hour": {"type": "integer", "minimum": 1, "maximum": 10**6}},
    ),
    "ApiKey": _object(KEY),
    "NewApiKey": _object({"api_key": TEXT, "key": TEXT, **KEY, "warning": TEXT}),
    "ApiKeyList": _list("api_keys", "ApiKey", total=INTEGER),
    "WebhookRequest": _object(
        {
            "url": {**URL, "pattern": URL["pattern"].replace("https?", "https")},
            "events": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(EVENT_TYPES)}},
        }
    ),
    "Webhook": _object(WEBHOOK),
    "NewWebhook": _object({**WEBHOOK, "secret": TEXT, "warning": TEXT}),
    "WebhookList": _list("webhooks", "Webhook", total=INTEGER),
    "Delivery": _object(
        {
            "id": TEXT,
            "event_id": TEXT,
            "event_type": TEXT,
            "attempt_number": INTEGER,
            "status_code": {**INTEGER, "description": "0 if the endpoint did not answer."},
            "duration_ms": INTEGER,
            "error_message": _or_null(TEXT),
            "next_retry_at": _or_null(DATE_TIME),
            "created_at": DATE_TIME,
        }
    ),
    "DeliveryList": _list("deliveries", "Delivery", total=INTEGER),
    "UsageMetrics": _object(
        {
            "total_requests": INTEGER,
            "successful_requests": INTEGER,
            "failed_requests": INTEGER,
            "average_latency": NUMBER,
            "credits_consumed": INTEGER,
            "period": _object({"start": DATE_TIME, "end": DATE_TIME}),
        }
    ),
    "TimePoint": _object({"timestamp": DATE_TIME, "requests": INTEGER, "latency": NUMBER, "success_rate": NUMBER}),
    "TimeSeries": _list("timeseries", "TimePoint"),
    "Endpoint": _object(
        {"endpoint": TEXT, "method": TEXT, "requests": INTEGER, "average_latency": NUMBER, "error_rate": NUMBER}
    ),
    "EndpointList": _list("endpoints", "Endpoint"),
    "RecentRequest": _object(
        {
            "id": TEXT,
            "method": TEXT,
            "endpoint": TEXT,
            "status_code": _or_null(INTEGER),
            "latency": INTEGER,
            "timestamp": DATE_TIME,
        }
    ),
    "RecentRequestList": _list("requests", "RecentRequest"),
    "KeyUsage": _object({"api_key_id": TEXT, "api_key_name": TEXT, "requests": INTEGER, "credits_consumed": INTEGER}),
    "KeyUsageList": _list("keys", "KeyUsage"),
    "ErrorShare": _object({"status_code": INTEGER, "count": INTEGER, "percentage": NUMBER}),
    "ErrorList": _list("errors", "ErrorShare"),
    "VariantRequest": _object({"name": NON_BLANK}, {"payload": SETTINGS}),
    "VariantUpdate": {"anyOf": [_object({"name": NON_BLANK}, {"payload": SETTINGS}), _object({"payload": SETTINGS})]},
    "Variant": _object(
        {
            "id": TEXT,
            "template_id": TEXT,
            "brand_id": TEXT,
            "name": TEXT,
            "payload": ANY_OBJECT,
            "is_active": BOOLEAN,
            "created_at": DATE_TIME,
            "updated_at": DATE_TIME,
        }
    ),
    "VariantList": _list("variants", "Variant", total=INTEGER),
    "NameRequest": _object({"name": NON_BLANK}),
    "CollectionRequest": _object(
        {"name": NON_BLANK},
        {"description": NON_BLANK, "asset_type": {"type": "string", "enum": ["images", "videos", "all"]}},
    ),
    "CollectionUpdate": {
        "anyOf": [_object({"name": NON_BLANK}, {"description": NON_BLANK}), _object({"description": NON_BLANK})]
    },
    "Collection": _object(
        {
            "id": TEXT,
            "name": TEXT,
            "asset_type": TEXT,
            "asset_count": INTEGER,
            "user_id": TEXT,
            "brand_id": TEXT,
            "is_global": BOOLEAN,
            "created_at": DATE_TIME,
            "updated_at": DATE_TIME,
        },
        {"description": _or_null(TEXT), "deleted_at": _or_null(DATE_TIME)},
    ),
    "CollectionList": _list("collections", "Collection", total=INTEGER),
    "AssetIds": _object({"assetIds": STRINGS}),
    "AssetUpload": _object({"fileName": NON_BLANK, "fileType": NON_BLANK}, {"collectionIds": STRINGS}),
    # Other fields are ignored. It forbids them, because a fuzzer would name them with characters that no form may hold.
    "AssetForm": {
        **_object({"files": FILES}, {"collection_id": TEXT}),
        "additionalProperties": False,
    },
    "AssetUploadAnswer": {"anyOf": [PRESIGNED, _list("assets", "Asset", total=INTEGER)]},
    "Asset": _object(
        {
            **dict.fromkeys(ASSET_TEXTS, TEXT),
            "thumbnail_url": _or_null(TEXT),
            "file_size_bytes": INTEGER,
            "metadata": ANY_OBJECT,
            "created_at": DATE_TIME,
            "updated_at": DATE_TIME,
            "deleted_at": _or_null(DATE_TIME),
        }
    ),
    "AssetList": _list("assets", "Asset", total=INTEGER),
}

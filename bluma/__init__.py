"""
The Bluma SDK, under the import names of its documentation.

    from bluma import Bluma

    bluma = Bluma(api_key="bluma_test_...")
    video = bluma.videos.create(template_id="rick-morty-explainer", context={"prompt": "..."})
    print(bluma.videos.wait_for(video.id).url)

Errors are also in `bluma.errors`, and the models of the API in `bluma.types`; `bluma.client` and `bluma.webhooks` are
modules of version 1.2.0. Importing this package loads almost nothing: each name loads its module when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async import HOMES
from bluma_async._lazy import lazily

if TYPE_CHECKING:
    from bluma import client as client
    from bluma import errors, types
    from bluma import webhooks as webhooks
    from bluma_async import (
        AsyncBluma,
        AsyncLuma,
        AuditMismatch,
        BatchAudit,
        BatchPlan,
        BatchResult,
        BatchStatus,
        BlumaWarning,
        Capabilities,
        EventStore,
        JobState,
        LeasingEventStore,
        MemoryStore,
        MismatchKind,
        PlannedCost,
        PostgresStore,
        ProgressBar,
        RateLimit,
        RequestInfo,
        ResponseInfo,
        RetryInfo,
        SQLiteStore,
        StatusInfo,
        WebhookReceiver,
        __version__,
        sign_webhook,
        verify_webhook,
        verify_webhook_signature,
    )
    from bluma_async.errors import (
        AmbiguousCreateError,
        APIError,
        AuthenticationError,
        BlumaError,
        FileContentError,
        ForbiddenError,
        InsufficientCreditsError,
        InvalidArgumentError,
        NetworkError,
        NotFoundError,
        RateLimitError,
        RequestTimeoutError,
        ServerError,
        ValidationError,
        WaitTimeoutError,
        WebhookVerificationError,
    )
    from bluma_async.types import (
        ApiKey,
        Asset,
        AssetUploadResponse,
        AttrDict,
        Collection,
        Context,
        CreateResult,
        CreditBalance,
        CreditHistory,
        CreditsEvent,
        CreditsEventData,
        CreditsEventName,
        CreditUsage,
        EndpointUsage,
        ErrorBreakdown,
        Event,
        GeneratedVideo,
        Generation,
        GenerationState,
        KnownEventType,
        KnownResolution,
        KnownStatus,
        KnownTemplate,
        OpenCreate,
        OpenCreateState,
        Pagination,
        RecentRequest,
        SettledCreate,
        Template,
        TemplateVariant,
        TimeSeriesPoint,
        TopEndpoint,
        Transaction,
        TransactionType,
        UnknownEvent,
        UsageByKey,
        UsageMetrics,
        UsagePeriod,
        Video,
        VideoDownload,
        VideoError,
        VideoEstimate,
        VideoEvent,
        VideoEventData,
        VideoEventName,
        VideoOptions,
        VideoPage,
        VideoStatus,
        Webhook,
        WebhookDelivery,
        WebhookEvent,
        WebhookEventType,
    )
    from bluma_async.webhooks import aiohttp_handler, asgi_app
    from bluma_sync import Bluma, Luma
    from bluma_sync.webhooks import django_view, wsgi_app

__all__ = [
    "APIError",
    "AmbiguousCreateError",
    "ApiKey",
    "Asset",
    "AssetUploadResponse",
    "AsyncBluma",
    "AsyncLuma",
    "AttrDict",
    "AuditMismatch",
    "AuthenticationError",
    "BatchAudit",
    "BatchPlan",
    "BatchResult",
    "BatchStatus",
    "Bluma",
    "BlumaError",
    "BlumaWarning",
    "Capabilities",
    "Collection",
    "Context",
    "CreateResult",
    "CreditBalance",
    "CreditHistory",
    "CreditUsage",
    "CreditsEvent",
    "CreditsEventData",
    "CreditsEventName",
    "EndpointUsage",
    "ErrorBreakdown",
    "Event",
    "EventStore",
    "FileContentError",
    "ForbiddenError",
    "GeneratedVideo",
    "Generation",
    "GenerationState",
    "InsufficientCreditsError",
    "InvalidArgumentError",
    "JobState",
    "KnownEventType",
    "KnownResolution",
    "KnownStatus",
    "KnownTemplate",
    "LeasingEventStore",
    "Luma",
    "MemoryStore",
    "MismatchKind",
    "NetworkError",
    "NotFoundError",
    "OpenCreate",
    "OpenCreateState",
    "Pagination",
    "PlannedCost",
    "PostgresStore",
    "ProgressBar",
    "RateLimit",
    "RateLimitError",
    "RecentRequest",
    "RequestInfo",
    "RequestTimeoutError",
    "ResponseInfo",
    "RetryInfo",
    "SQLiteStore",
    "ServerError",
    "SettledCreate",
    "StatusInfo",
    "Template",
    "TemplateVariant",
    "TimeSeriesPoint",
    "TopEndpoint",
    "Transaction",
    "TransactionType",
    "UnknownEvent",
    "UsageByKey",
    "UsageMetrics",
    "UsagePeriod",
    "ValidationError",
    "Video",
    "VideoDownload",
    "VideoError",
    "VideoEstimate",
    "VideoEvent",
    "VideoEventData",
    "VideoEventName",
    "VideoOptions",
    "VideoPage",
    "VideoStatus",
    "WaitTimeoutError",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
    "WebhookEventType",
    "WebhookReceiver",
    "WebhookVerificationError",
    "__version__",
    "aiohttp_handler",
    "asgi_app",
    "django_view",
    "errors",
    "sign_webhook",
    "types",
    "verify_webhook",
    "verify_webhook_signature",
    "wsgi_app",
]
MODULES = ("client", "errors", "types", "webhooks")
WEB_FRAMEWORKS = {
    "aiohttp_handler": "bluma_async.webhooks",
    "asgi_app": "bluma_async.webhooks",
    "django_view": "bluma_sync.webhooks",
    "wsgi_app": "bluma_sync.webhooks",
}


def _home(name: str) -> str:
    if name in WEB_FRAMEWORKS:
        return WEB_FRAMEWORKS[name]
    if name in MODULES:
        return f"bluma.{name}"
    if name in {"Bluma", "Luma"}:
        return "bluma_sync"
    if name.endswith("Error") and name != "VideoError":
        return "bluma.errors"
    return "bluma_async" if name in HOMES else "bluma.types"


lazily(__name__, {name: _home(name) for name in (*__all__, *MODULES)})

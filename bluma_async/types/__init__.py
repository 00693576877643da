"""
The models of the objects that the API returns.

Each class is an attrs class that the functions of `dataclasses` accept too; events are dicts. Fields that the server
adds later are kept as attributes. Dates are aware and in UTC. A field that the server may leave out is optional;
missing and null are equal. The modules of this package do not postpone their annotations, because the codec reads them
at run time, on Python 3.8 too.
"""

from bluma_async.types._model import AttrDict
from bluma_async.types.account import (
    ApiKey,
    CreditBalance,
    CreditHistory,
    CreditUsage,
    EndpointUsage,
    ErrorBreakdown,
    RecentRequest,
    TimeSeriesPoint,
    TopEndpoint,
    Transaction,
    TransactionType,
    UsageByKey,
    UsageMetrics,
    UsagePeriod,
)
from bluma_async.types.arguments import (
    Context,
    KnownEventType,
    KnownResolution,
    KnownStatus,
    KnownTemplate,
    VideoOptions,
)
from bluma_async.types.creates import CreateResult, OpenCreate, OpenCreateState, SettledCreate
from bluma_async.types.events import (
    CreditsEvent,
    CreditsEventData,
    CreditsEventName,
    Event,
    UnknownEvent,
    VideoEvent,
    VideoEventData,
    VideoEventName,
    Webhook,
    WebhookDelivery,
    WebhookEvent,
    WebhookEventType,
)
from bluma_async.types.library import Asset, AssetUploadResponse, Collection, Template, TemplateVariant
from bluma_async.types.luma import GeneratedVideo, Generation, GenerationState
from bluma_async.types.videos import (
    Pagination,
    Video,
    VideoDownload,
    VideoError,
    VideoEstimate,
    VideoPage,
    VideoStatus,
)

__all__ = [
    "ApiKey",
    "Asset",
    "AssetUploadResponse",
    "AttrDict",
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
    "GeneratedVideo",
    "Generation",
    "GenerationState",
    "KnownEventType",
    "KnownResolution",
    "KnownStatus",
    "KnownTemplate",
    "OpenCreate",
    "OpenCreateState",
    "Pagination",
    "RecentRequest",
    "SettledCreate",
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
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
    "WebhookEventType",
]

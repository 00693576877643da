"""
The models of the objects that the API returns.

Each class is an attrs class that the functions of `dataclasses` accept too. Fields that the server adds later are kept
as attributes. Dates are aware and in UTC. A field that the server may leave out is optional; missing and null are
equal. The modules of this package do not postpone their annotations, because the codec reads them at run time, on
Python 3.8 too.
"""

from bluma_async.types._model import AttrDict
from bluma_async.types.account import (
    ApiKey,
    CreditBalance,
    CreditHistory,
    EndpointUsage,
    ErrorBreakdown,
    RecentRequest,
    TimeSeriesPoint,
    Transaction,
    TransactionType,
    UsageByKey,
    UsageMetrics,
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
    VideoEvent,
    VideoEventData,
    Webhook,
    WebhookDelivery,
    WebhookEvent,
    WebhookEventType,
)
from bluma_async.types.library import Asset, AssetUploadResponse, Collection, Template, TemplateVariant
from bluma_async.types.luma import GeneratedVideo, Generation, GenerationState
from bluma_async.types.videos import Pagination, Video, VideoDownload, VideoEstimate, VideoPage, VideoStatus

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
    "CreditsEvent",
    "CreditsEventData",
    "EndpointUsage",
    "ErrorBreakdown",
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
    "Transaction",
    "TransactionType",
    "UsageByKey",
    "UsageMetrics",
    "Video",
    "VideoDownload",
    "VideoEstimate",
    "VideoEvent",
    "VideoEventData",
    "VideoOptions",
    "VideoPage",
    "VideoStatus",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
    "WebhookEventType",
]

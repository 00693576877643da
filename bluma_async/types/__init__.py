"""
The models of the objects that the API returns.

Each class is an attrs class that the functions of `dataclasses` accept too; events are dicts. Fields that the server
adds later are kept as attributes. Dates are aware and in UTC. A field that the server may leave out is optional;
missing and null are equal. The modules of this package do not postpone their annotations, because the codec reads them
at run time, on Python 3.8 too.
"""

from typing import TYPE_CHECKING

from bluma_async._lazy import lazily

if TYPE_CHECKING:
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
    from bluma_async.types.video_reads import Pagination, VideoDownload, VideoEstimate, VideoPage
    from bluma_async.types.videos import Video, VideoError, VideoStatus

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

HOMES = {
    "ApiKey": "bluma_async.types.account",
    "Asset": "bluma_async.types.library",
    "AssetUploadResponse": "bluma_async.types.library",
    "AttrDict": "bluma_async.types._model",
    "Collection": "bluma_async.types.library",
    "Context": "bluma_async.types.arguments",
    "CreateResult": "bluma_async.types.creates",
    "CreditBalance": "bluma_async.types.account",
    "CreditHistory": "bluma_async.types.account",
    "CreditUsage": "bluma_async.types.account",
    "CreditsEvent": "bluma_async.types.events",
    "CreditsEventData": "bluma_async.types.events",
    "CreditsEventName": "bluma_async.types.events",
    "EndpointUsage": "bluma_async.types.account",
    "ErrorBreakdown": "bluma_async.types.account",
    "Event": "bluma_async.types.events",
    "GeneratedVideo": "bluma_async.types.luma",
    "Generation": "bluma_async.types.luma",
    "GenerationState": "bluma_async.types.luma",
    "KnownEventType": "bluma_async.types.arguments",
    "KnownResolution": "bluma_async.types.arguments",
    "KnownStatus": "bluma_async.types.arguments",
    "KnownTemplate": "bluma_async.types.arguments",
    "OpenCreate": "bluma_async.types.creates",
    "OpenCreateState": "bluma_async.types.creates",
    "Pagination": "bluma_async.types.video_reads",
    "RecentRequest": "bluma_async.types.account",
    "SettledCreate": "bluma_async.types.creates",
    "Template": "bluma_async.types.library",
    "TemplateVariant": "bluma_async.types.library",
    "TimeSeriesPoint": "bluma_async.types.account",
    "TopEndpoint": "bluma_async.types.account",
    "Transaction": "bluma_async.types.account",
    "TransactionType": "bluma_async.types.account",
    "UnknownEvent": "bluma_async.types.events",
    "UsageByKey": "bluma_async.types.account",
    "UsageMetrics": "bluma_async.types.account",
    "UsagePeriod": "bluma_async.types.account",
    "Video": "bluma_async.types.videos",
    "VideoDownload": "bluma_async.types.video_reads",
    "VideoError": "bluma_async.types.videos",
    "VideoEstimate": "bluma_async.types.video_reads",
    "VideoEvent": "bluma_async.types.events",
    "VideoEventData": "bluma_async.types.events",
    "VideoEventName": "bluma_async.types.events",
    "VideoOptions": "bluma_async.types.arguments",
    "VideoPage": "bluma_async.types.video_reads",
    "VideoStatus": "bluma_async.types.videos",
    "Webhook": "bluma_async.types.events",
    "WebhookDelivery": "bluma_async.types.events",
    "WebhookEvent": "bluma_async.types.events",
    "WebhookEventType": "bluma_async.types.events",
}
lazily(__name__, HOMES)

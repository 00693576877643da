"""The blocking client, its resources and its defaults, under the import names of version 1.2.0."""

from __future__ import annotations

from bluma_async._session.options import DEFAULT_BASE_URL
from bluma_async.errors import *  # noqa: F403 - 1.2.0 has these names here too
from bluma_async.types import *  # noqa: F403 - 1.2.0 has these names here too
from bluma_sync import Bluma
from bluma_sync.resources.api_keys import ApiKeys as ApiKeysResource
from bluma_sync.resources.assets import Assets as AssetsResource
from bluma_sync.resources.collections import Collections as CollectionsResource
from bluma_sync.resources.credits import Credits as CreditsResource
from bluma_sync.resources.templates import Templates as TemplatesResource
from bluma_sync.resources.usage import Usage as UsageResource
from bluma_sync.resources.variants import Variants as VariantsResource
from bluma_sync.resources.videos import Videos as VideosResource
from bluma_sync.resources.webhooks import Webhooks as WebhooksResource

# Written out: type checkers follow no `__all__` of another module.
__all__ = [
    "DEFAULT_BASE_URL",
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_RETRY_DELAY",
    "DEFAULT_RETRY_MULTIPLIER",
    "DEFAULT_TIMEOUT",
    "APIError",
    "AmbiguousCreateError",
    "ApiKey",
    "ApiKeysResource",
    "Asset",
    "AssetUploadResponse",
    "AssetsResource",
    "AttrDict",
    "AuthenticationError",
    "Bluma",
    "BlumaError",
    "Collection",
    "CollectionsResource",
    "Context",
    "CreateResult",
    "CreditBalance",
    "CreditHistory",
    "CreditUsage",
    "CreditsEvent",
    "CreditsEventData",
    "CreditsEventName",
    "CreditsResource",
    "EndpointUsage",
    "ErrorBreakdown",
    "Event",
    "FileContentError",
    "ForbiddenError",
    "GeneratedVideo",
    "Generation",
    "GenerationState",
    "InsufficientCreditsError",
    "InvalidArgumentError",
    "KnownEventType",
    "KnownResolution",
    "KnownStatus",
    "KnownTemplate",
    "NetworkError",
    "NotFoundError",
    "OpenCreate",
    "OpenCreateState",
    "Pagination",
    "RateLimitError",
    "RecentRequest",
    "RequestTimeoutError",
    "ServerError",
    "SettledCreate",
    "Template",
    "TemplateVariant",
    "TemplatesResource",
    "TimeSeriesPoint",
    "TopEndpoint",
    "Transaction",
    "TransactionType",
    "UnknownEvent",
    "UsageByKey",
    "UsageMetrics",
    "UsagePeriod",
    "UsageResource",
    "ValidationError",
    "VariantsResource",
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
    "VideosResource",
    "WaitTimeoutError",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
    "WebhookEventType",
    "WebhookVerificationError",
    "WebhooksResource",
]

DEFAULT_TIMEOUT: float = 30.0
DEFAULT_MAX_RETRIES: int = 3
DEFAULT_RETRY_DELAY: float = 1.0
DEFAULT_RETRY_MULTIPLIER: float = 2.0

"""The blocking client, its resources and its defaults, under the import names of version 1.2.0."""

from __future__ import annotations

from bluma_async import errors as _errors
from bluma_async import types as _types
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

__all__ = [
    "DEFAULT_BASE_URL",
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_RETRY_DELAY",
    "DEFAULT_RETRY_MULTIPLIER",
    "DEFAULT_TIMEOUT",
    "ApiKeysResource",
    "AssetsResource",
    "Bluma",
    "CollectionsResource",
    "CreditsResource",
    "TemplatesResource",
    "UsageResource",
    "VariantsResource",
    "VideosResource",
    "WebhooksResource",
]
__all__ += _errors.__all__
__all__ += _types.__all__

DEFAULT_TIMEOUT: float = 30.0
DEFAULT_MAX_RETRIES: int = 3
DEFAULT_RETRY_DELAY: float = 1.0
DEFAULT_RETRY_MULTIPLIER: float = 2.0

"""
Generate video through the Bluma API, async.

    async with AsyncBluma() as client:
        video = await client.videos.create(template_id="ugc-text-overlay", context={"prompt": "..."})
        done = await client.videos.wait_for(video.id)
"""

from bluma_async import errors, types
from bluma_async._hooks import RequestInfo, ResponseInfo, RetryInfo
from bluma_async._version import __version__
from bluma_async._wire.budget import RateLimit
from bluma_async._wire.events import verify_webhook
from bluma_async._wire.signature import sign_webhook, verify_webhook_signature
from bluma_async.client import AsyncBluma

__all__ = [
    "AsyncBluma",
    "RateLimit",
    "RequestInfo",
    "ResponseInfo",
    "RetryInfo",
    "__version__",
    "errors",
    "sign_webhook",
    "types",
    "verify_webhook",
    "verify_webhook_signature",
]

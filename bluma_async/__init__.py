"""
Generate video through the Bluma API, async.

    async with AsyncBluma() as client:
        video = await client.videos.create(template_id="ugc-text-overlay", context={"prompt": "..."})
        done = await client.videos.wait_for(video.id)

Importing this package loads next to nothing: each name loads its module when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_HOMES = {
    "AsyncBluma": "client",
    "RateLimit": "_wire.budget",
    "RequestInfo": "_hooks",
    "ResponseInfo": "_hooks",
    "RetryInfo": "_hooks",
    "__version__": "_version",
    "sign_webhook": "_wire.signature",
    "verify_webhook": "_wire.events",
    "verify_webhook_signature": "_wire.signature",
}


def __getattr__(name: str) -> object:
    if name in {"errors", "types"}:
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

# Generated from bluma_async/__init__.py by `nox -s facade`: change that, not this.
"""
Generate video through the Bluma API, with blockingio.

    with Bluma() as client:
        video = client.videos.create(template_id="ugc-text-overlay", context={"prompt": "..."})
        done = client.videos.wait_for(video.id)

Importing this package loads no other library: each name loads its module when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._lazy import lazily

if TYPE_CHECKING:
    from bluma_async._runtime.notices import BlumaWarning
    from bluma_async._session.hook_arguments import RequestInfo, ResponseInfo, RetryInfo
    from bluma_async._version import __version__
    from bluma_async._wire.budget import RateLimit
    from bluma_async._wire.events import verify_webhook
    from bluma_async._wire.signature import sign_webhook, verify_webhook_signature
    from bluma_async.batch.audit_results import AuditMismatch, BatchAudit, MismatchKind
    from bluma_async.batch.plans import BatchPlan, PlannedCost
    from bluma_async.batch.results import BatchResult
    from bluma_async.luma.adapter import Capabilities
    from bluma_async.stores.jobs import BatchStatus
    from bluma_async.stores.memory.events import MemoryStore
    from bluma_async.stores.ports import EventStore, LeasingEventStore
    from bluma_async.stores.postgres.events import PostgresStore
    from bluma_async.stores.sqlite.events import SQLiteStore
    from bluma_async.stores.states import JobState
    from bluma_async.waiting.announcer import StatusInfo
    from bluma_async.waiting.progress_bar import ProgressBar
    from bluma_async.webhooks.receiver import WebhookReceiver
    from bluma_sync import errors, types
    from bluma_sync.client import Bluma
    from bluma_sync.luma.client import Luma

__all__ = [
    "AuditMismatch",
    "BatchAudit",
    "BatchPlan",
    "BatchResult",
    "BatchStatus",
    "Bluma",
    "BlumaWarning",
    "Capabilities",
    "EventStore",
    "JobState",
    "LeasingEventStore",
    "Luma",
    "MemoryStore",
    "MismatchKind",
    "PlannedCost",
    "PostgresStore",
    "ProgressBar",
    "RateLimit",
    "RequestInfo",
    "ResponseInfo",
    "RetryInfo",
    "SQLiteStore",
    "StatusInfo",
    "WebhookReceiver",
    "__version__",
    "errors",
    "sign_webhook",
    "types",
    "verify_webhook",
    "verify_webhook_signature",
]
HOMES = {
    "AuditMismatch": "bluma_async.batch.audit_results",
    "BatchAudit": "bluma_async.batch.audit_results",
    "BatchPlan": "bluma_async.batch.plans",
    "BatchResult": "bluma_async.batch.results",
    "BatchStatus": "bluma_async.stores.jobs",
    "Bluma": "bluma_sync.client",
    "BlumaWarning": "bluma_async._runtime.notices",
    "Capabilities": "bluma_async.luma.adapter",
    "EventStore": "bluma_async.stores.ports",
    "JobState": "bluma_async.stores.states",
    "LeasingEventStore": "bluma_async.stores.ports",
    "Luma": "bluma_sync.luma.client",
    "MemoryStore": "bluma_async.stores.memory.events",
    "MismatchKind": "bluma_async.batch.audit_results",
    "PlannedCost": "bluma_async.batch.plans",
    "PostgresStore": "bluma_async.stores.postgres.events",
    "ProgressBar": "bluma_async.waiting.progress_bar",
    "RateLimit": "bluma_async._wire.budget",
    "RequestInfo": "bluma_async._session.hook_arguments",
    "ResponseInfo": "bluma_async._session.hook_arguments",
    "RetryInfo": "bluma_async._session.hook_arguments",
    "SQLiteStore": "bluma_async.stores.sqlite.events",
    "StatusInfo": "bluma_async.waiting.announcer",
    "WebhookReceiver": "bluma_async.webhooks.receiver",
    "__version__": "bluma_async._version",
    "errors": "bluma_sync.errors",
    "sign_webhook": "bluma_async._wire.signature",
    "types": "bluma_sync.types",
    "verify_webhook": "bluma_async._wire.events",
    "verify_webhook_signature": "bluma_async._wire.signature",
}
lazily(__name__, HOMES)

"""Verify and receive webhooks, under the import name of version 1.2.0."""

from __future__ import annotations

from bluma_async import WebhookReceiver, sign_webhook, verify_webhook, verify_webhook_signature
from bluma_async.webhooks import aiohttp_handler, asgi_app
from bluma_sync.webhooks import django_view, wsgi_app

__all__ = [
    "WebhookReceiver",
    "aiohttp_handler",
    "asgi_app",
    "django_view",
    "sign_webhook",
    "verify_webhook",
    "verify_webhook_signature",
    "wsgi_app",
]

"""Receive webhooks from Bluma. `aiohttp_handler` and `asgi_app` connect a `WebhookReceiver` to a web application."""

from bluma_async.webhooks.aiohttp_web import aiohttp_handler
from bluma_async.webhooks.asgi import asgi_app

__all__ = ["aiohttp_handler", "asgi_app"]

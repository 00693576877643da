"""Receive webhooks in blocking web applications: `wsgi_app` for WSGI servers and Flask, `django_view` for Django."""

from bluma_sync.webhooks.django import django_view
from bluma_sync.webhooks.wsgi import wsgi_app

__all__ = ["django_view", "wsgi_app"]

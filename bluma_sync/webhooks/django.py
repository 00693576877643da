"""Connect a receiver to Django."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Callable

from bluma_async.webhooks.reply import build_headers
from bluma_sync.webhooks.request import receive_request

if TYPE_CHECKING:
    from bluma_async.webhooks.receiver import WebhookReceiver

__all__ = ["django_view"]


def django_view(receiver: WebhookReceiver) -> Callable[[Any], Any]:
    """
    Return a Django view.

    Add it to the URLs: `path("webhooks", django_view(receiver))`. It is exempt from the CSRF check: Bluma has no CSRF
    token, and the signature already proves the origin of a request.
    """

    def view(request: Any) -> Any:
        http: Any = import_module("django.http")  # not a dependency: only Django's users have it
        reply = receive_request(receiver, request.META, request, has_end=True)
        headers = build_headers(reply)
        headers.pop("Connection", None)  # Django runs on WSGI, where hop-by-hop headers belong to the server
        response = http.HttpResponse(reply.text.encode(), status=reply.status, content_type=headers.pop("Content-Type"))
        for name, value in headers.items():
            response[name] = value
        return response

    view.csrf_exempt = True  # type: ignore[attr-defined]  # Django's own marker, set on the function
    return view

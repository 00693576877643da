"""
The functions that the methods of a client call. The first use of a client imports this module, not its own import.

Each name loads its module when it is first used, except for those that every client needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._lazy import lazily
from bluma_async._session.opening import open_session
from bluma_async._session.options import ENVIRONMENT, ClientOptions
from bluma_async.waiting.hub import PollHub

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async.resources._creates.call import confirm_create
    from bluma_async.resources._creates.settling import list_open_creates, settle_creates
    from bluma_async.resources._custom_request import send_custom
    from bluma_async.resources._sharing import tell_others
    from bluma_async.types import VideoEvent

__all__ = [
    "ClientOptions",
    "PollHub",
    "VideoEvent",
    "confirm_create",
    "list_open_creates",
    "open_client",
    "send_custom",
    "settle_creates",
    "tell_others",
]

HOMES = {
    "VideoEvent": "bluma_async.types",
    "confirm_create": "bluma_async.resources._creates.call",
    "list_open_creates": "bluma_async.resources._creates.settling",
    "send_custom": "bluma_async.resources._custom_request",
    "settle_creates": "bluma_async.resources._creates.settling",
    "tell_others": "bluma_async.resources._sharing",
}
lazily(__name__, HOMES)


def open_client(api_key: str | None, base_url: str | None, options: ClientOptions) -> Session:
    """
    Return the session of a client. Nothing is sent or connected yet.

    Raises:
        BlumaError: There is no API key.
        InvalidArgumentError: An option is invalid.
    """
    session = open_session(api_key, base_url, options, ENVIRONMENT)
    url = options.get("shared")
    if url is None:
        return session
    from bluma_async.sharing.coordinator import open_coordinator  # noqa: PLC0415 - few programs need it

    return session.with_coordinator(open_coordinator(url, session.options, session.shared.clock))

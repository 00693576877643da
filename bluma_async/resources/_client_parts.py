"""What the methods of a client need. Importing a client does not import this module: its first use does."""

from __future__ import annotations

from bluma_async._session.opening import open_session
from bluma_async._session.options import ENVIRONMENT, ClientOptions
from bluma_async.resources._creating import confirm_create
from bluma_async.resources._custom_request import send_custom
from bluma_async.resources._settling import list_open_creates, settle_creates
from bluma_async.types import VideoEvent
from bluma_async.waiting.hub import PollHub

__all__ = [
    "ENVIRONMENT",
    "ClientOptions",
    "PollHub",
    "VideoEvent",
    "confirm_create",
    "list_open_creates",
    "open_session",
    "send_custom",
    "settle_creates",
]

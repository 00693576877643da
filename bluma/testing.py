"""
Test programs that use the SDK: a local API, instant waits, models and signed events. Needs the extra `testing`.

docs/testing.md shows how to test programs with FastAPI, Django, Celery and others. The fixtures and markers of pytest
are in `bluma_testing.plugin`, which pytest loads by itself.
"""

from __future__ import annotations

from bluma_async.sandbox import Cruelty, Sandbox
from bluma_testing.bills import BillCheck
from bluma_testing.events import SignedEvent, make_event, sign_event
from bluma_testing.factories import make
from bluma_testing.instant import InstantTime
from bluma_testing.posting import AsyncEventPoster, EventPoster, EventReply
from bluma_testing.serving import serve_sandbox

__all__ = [
    "AsyncEventPoster",
    "BillCheck",
    "Cruelty",
    "EventPoster",
    "EventReply",
    "InstantTime",
    "Sandbox",
    "SignedEvent",
    "make",
    "make_event",
    "serve_sandbox",
    "sign_event",
]

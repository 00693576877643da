"""Show an open create to the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._session.in_flight import Standing
from bluma_async.types import OpenCreate, OpenCreateState

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall

__all__ = ["show_create"]

STATES = {
    Standing.NOT_SENT: OpenCreateState.IN_FLIGHT,
    Standing.IN_FLIGHT: OpenCreateState.IN_FLIGHT,
    Standing.UNCERTAIN: OpenCreateState.UNCERTAIN,
    Standing.ACCEPTED: OpenCreateState.ACCEPTED,
}


def show_create(call: InFlightCall) -> OpenCreate:
    """Return what a user sees of an open create."""
    return OpenCreate(
        idempotency_key=call.key or "",
        template_id=call.template_id,
        started_at=call.server_date or call.local_time,
        state=STATES[call.standing],
        video_id=call.video_id,
    )

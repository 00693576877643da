"""Bodies of events, and the signing secret of the tests."""

from __future__ import annotations

import json
from typing import Any, Mapping, Optional

SECRET = "whsec_test"
DATA = {"id": "batch_1", "status": "completed", "url": "https://cdn/x.mp4"}


def make_body(
    event_id: str = "evt_1",
    event_type: str = "video.completed",
    data: Optional[Mapping[str, Any]] = None,
    **fields: Any,
) -> bytes:
    """Return the body of an event; `fields` stand beside its data."""
    return json.dumps({"id": event_id, "type": event_type, "data": DATA if data is None else data, **fields}).encode()

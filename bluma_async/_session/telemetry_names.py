"""
The names of spans, metrics and attributes. They are public: dashboards and alerts refer to them.

docs/telemetry.md has the same tables; a test compares the two.
"""

from __future__ import annotations

from typing import Mapping, Tuple

__all__ = ["ATTRIBUTES", "METRICS", "SPANS"]

SPANS: Mapping[str, str] = {
    "bluma.create": "A create that costs credits, with its retries and searches.",
    "bluma.wait": "A wait until a video or generation has ended. Linked to its create.",
    "bluma.save": "A download to a file, with its retries. Linked to its create.",
}
# The kind of instrument, the unit, the description.
METRICS: Mapping[str, Tuple[str, str, str]] = {
    "bluma.operation.duration": ("histogram", "s", "How long creates, waits and saves took."),
    "bluma.retries": ("counter", "{retry}", "Attempts after the first one, of all calls and transfers."),
    "bluma.credits.charged": ("counter", "{credit}", "Credits that creates were billed."),
    "bluma.credits.refunded": ("counter", "{credit}", "Credits of videos that failed, as far as waits have seen them."),
    "bluma.creates.in_doubt": (
        "counter",
        "{create}",
        "Creates that may be billed, and whose video is not known.",
    ),
    "bluma.creates.open": ("gauge", "{create}", "Creates whose outcome is not known: in flight, or in doubt."),
    "bluma.budget.remaining": ("gauge", "{request}", "Requests left in this hour, of the key with the fewest."),
}
ATTRIBUTES: Mapping[str, str] = {
    "bluma.operation": "`create`, `wait` or `save`.",
    "bluma.video.id": "The id of the video or generation, as soon as it is known. On spans only.",
    "bluma.template.id": "The template of a create.",
    "bluma.status": "The status or state with which a wait has ended.",
    "bluma.credits.charged": "The credits that a create was billed. On spans only.",
    "bluma.attempts": "The attempts of a create that have failed. On spans only.",
    "bluma.file.size": "The bytes of a saved file. On spans only.",
    "http.request.method": "The method of a request that is retried.",
    "http.response.status_code": "The status of an answer that is an error.",
    "error.type": "The class of the error, such as `RateLimitError`. Its text is not recorded.",
}

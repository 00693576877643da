# Generated from bluma_async/resources/_certain_create.py by `nox -s facade`: change that, not this.
"""
Find out what became of a paid create that got no certain answer.

Rule 1: absence is proven by a search that begins `settle_time` after the last moment at which the request can have been
on its way, and that reads far enough. An earlier search can find a video, but never prove its absence.
Rule 2: a candidate is adopted only on positive evidence that it is ours; being the only candidate is none.
Rule 3: other creates of this account may explain a video: their answers are awaited before it is suspected.
Rule 4: whatever cannot be read proves nothing: the create stays in doubt, and is not sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_sync._portal import run

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._wire.messages import Answer
    from bluma_async._wire.retry import Reconcile
    from bluma_async.errors import BlumaError
    from bluma_async.resources import _certain_create as asynchronous
    from bluma_async.types import Video

__all__ = ["CertainCreate"]


class CertainCreate:
    """
    The Reconciler of videos.

    Attributes:
        session: What to send with.
        preset: The variant that only this caller creates from; a candidate of it is ours.
    """

    preset: str | None = None

    def __init__(self, twin: asynchronous.CertainCreate) -> None:
        self._async = twin

    def accept(self, call: InFlightCall, outcome: Video, answer: Answer) -> None:
        """
        Note the video that a create became.

        Raises:
            ServerError: The answer is another request's: its id is known already, or its template is not the one that
                was asked for. Connections can deliver a stray answer after an interrupted exchange.
        """
        self._async.accept(call, outcome, answer)

    def reconcile(self, call: InFlightCall, failure: BlumaError, decision: Reconcile) -> Video | None:
        """Return the video that a create became, or None if it certainly was not accepted."""
        return run(self._async.reconcile(call, failure, decision))

"""
The newest videos of each template, read before the batch creates from it.

Reason: an id that is neither in the baseline nor ours is new, independently of any clock. A single create has no
baseline, because it sends no request but its own before something goes wrong.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Set

from bluma_async.errors import BlumaError
from bluma_async.resources._creates.candidates import read_newest

if TYPE_CHECKING:
    from bluma_async._session.session import Session

__all__ = ["Baseline"]

LONG_AGO = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Baseline:
    """Reads each template's newest videos once."""

    def __init__(self, session: Session, *, needs_time: bool = False) -> None:
        """
        Set up the baseline.

        Args:
            session: What to send with.
            needs_time: Whether no create may begin before the server's time is known, or the baseline. Processes on
                several machines search for each other's creates, and their own clocks may be minutes apart.
        """
        self._session = session
        self._needs_time = needs_time
        self._read: Set[str | None] = set()

    async def require(self, template_id: str | None) -> None:
        """
        Read the newest videos of a template, or of all templates for None, unless that was done.

        A list that cannot be read leaves the window of a lost create to the clocks.

        Raises:
            BlumaError: The list could not be read, and the server's time is needed and not known.
        """
        if template_id in self._read:
            return
        try:
            videos = await read_newest(self._session, template_id)
        except BlumaError:
            if self._needs_time and not self._session.shared.server_clock.is_known:
                raise
            return
        evidence = self._session.evidence
        evidence.mark_candidates(video.id for video in videos)
        dates = [video.created_at for video in videos if video.created_at is not None]
        if len(dates) == len(videos):
            evidence.set_floor(template_id, max(dates, default=LONG_AGO))
        self._read.add(template_id)

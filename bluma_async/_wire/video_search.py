"""
Collect the videos that a lost create may have become, from the pages of a list, and tell when they are complete.

Nothing here sends: `resources/_creates/candidates.py` reads the pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Sequence

import attrs

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["MOST_REQUESTS", "CandidateSearch", "ListedVideo", "VideoListing"]

MOST_REQUESTS = 50  # of one search; 5,000 videos at 100 to a page


@attrs.frozen
class ListedVideo:
    """An entry of a list of videos; `created_at` is None if the server sent none that can be read."""

    id: str
    template_id: str | None
    created_at: datetime | None


@attrs.frozen
class VideoListing:
    """One page of `GET /videos`, with the server's own counts; None where it sent none."""

    videos: Sequence[ListedVideo]
    total: int | None = None
    total_pages: int | None = None


@attrs.define
class CandidateSearch:
    """
    Collect the videos of a window from pages that are read newest first, and tell when they are complete.

    A page that is empty or short, but below the server's `total`, is not the end: servers cap pages below `limit`, and
    lists lag. A list that is not in descending order is read whole.
    """

    begin: datetime
    most_requests: int = MOST_REQUESTS
    found: List[ListedVideo] = attrs.field(factory=lambda: [])  # noqa: PIE807 - typed; those of the window, newest first
    is_complete: bool = False
    _seen: Dict[str, None] = attrs.field(factory=lambda: {})  # noqa: PIE807 - typed
    _pages: int = 0
    _total: int | None = None
    _may_follow: bool = True  # whether another page can hold something
    _is_ordered: bool = True
    _descends: bool = False  # whether two different times have shown the order; one page of one video shows none
    _has_shrunk: bool = False
    _last: datetime | None = None

    @property
    def next_page(self) -> int | None:
        """The page to read next, from 1; None when nothing more can be learned."""
        is_over = self.is_complete or self._has_shrunk or self._pages >= self.most_requests
        return self._pages + 1 if self._may_follow and not is_over else None

    def add(self, page: VideoListing) -> None:
        """Take in the page that was read."""
        self._pages += 1
        self._may_follow = bool(page.videos) or self._pages < (page.total_pages or 0)
        if page.total is not None and self._total is not None and page.total < self._total:
            self._has_shrunk = True  # a deletion may have moved a video onto a page that was read already
        self._total = page.total if page.total is not None else self._total
        fresh = [video for video in page.videos if video.id not in self._seen]
        for video in fresh:
            self._note(video)
        self.is_complete = not self._has_shrunk and (self._lies_before(page.videos) or self._is_all())

    def _note(self, video: ListedVideo) -> None:
        self._seen[video.id] = None
        if video.created_at is None:
            self._is_ordered = False
        elif self._last is not None and video.created_at != self._last:
            self._descends = video.created_at < self._last
            self._is_ordered = self._is_ordered and self._descends
        self._last = video.created_at or self._last
        if video.created_at is None or video.created_at >= self.begin:
            self.found.append(video)

    def _lies_before(self, videos: Sequence[ListedVideo]) -> bool:
        """Return whether the list is ordered, and this page is older than the window: so is every page behind it."""
        times = [video.created_at for video in videos]
        is_descending = self._is_ordered and self._descends
        return bool(times) and is_descending and all(time is not None and time < self.begin for time in times)

    def _is_all(self) -> bool:
        """Return whether all videos of the list were read: one of the same second can appear in its middle."""
        return self._total is not None and len(self._seen) >= self._total

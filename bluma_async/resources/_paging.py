"""
Iterate over lists that the API returns in pages.

Rule: a short page does not end a list that has more by its own counts, or that has sent none: its pages may be smaller
than requested. A page without a new item ends every list.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Awaitable, Callable, Deque, Generic, List, TypeVar

import attrs

from bluma_async._runtime.loop_local import LoopLocal

__all__ = ["Fetched", "Pages", "Place"]

T = TypeVar("T")
RECENT = 200  # items, with which those of the next page are compared: two pages of the largest size


@attrs.frozen
class Place:
    """The place of the next page: the pages that were read, and the rows on them or before them."""

    pages: int = 0
    rows: int = 0


@attrs.frozen
class Fetched(Generic[T]):
    """
    A page.

    Attributes:
        items: Its items.
        total: The items on all pages by the server's count; 0 if it has sent none.
        total_pages: The pages by the server's count; 0 if it has sent none.
        skipped: The rows of the page that could not be read.
    """

    items: List[T]
    total: int = 0
    total_pages: int = 0
    skipped: int = 0

    @property
    def rows(self) -> int:
        """The rows that the server sent."""
        return len(self.items) + self.skipped

    def is_last(self, place: Place, page_size: int) -> bool:
        """Return whether no page follows one with new items; `place` is behind it. A full page is never the last."""
        if self.total <= 0 and self.total_pages <= 0:
            return False
        is_counted = place.rows >= self.total and place.pages >= self.total_pages
        return is_counted and self.rows < page_size


class Pages(Generic[T]):
    """
    An iterator over the items of all pages. Each page is requested when its first item is needed.

    An object that is created between two requests moves older ones to the next page; an item that was among the last
    200 ones is not returned twice. Several consumers can share the iterator: each item is returned to one of them, and
    all of them see the end. After an error or a cancellation, the next call requests the same page again.
    """

    def __init__(self, fetch: Callable[[Place], Awaitable[Fetched[T]]], page_size: int, offset: int = 0) -> None:
        self._fetch = fetch
        self._page_size = page_size
        self._place = Place(rows=offset)
        self._left: List[T] = []
        self._recent: Deque[T] = deque(maxlen=RECENT)
        self._total = 0
        self._is_over = False
        self._turns: LoopLocal[asyncio.Lock] = LoopLocal(asyncio.Lock)

    def __aiter__(self) -> Pages[T]:
        return self

    async def __anext__(self) -> T:
        if not self._left:
            await self._fill()
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()  # no await since the check: no other consumer can have taken the item

    async def _fill(self) -> None:
        """Read pages until there is an item or the end. One consumer reads; the others wait, and share the page."""
        async with self._turns.get():
            while not self._left and not self._is_over:
                await self._read_page()

    async def _read_page(self) -> None:
        page = await self._fetch(self._place)
        self._place = Place(self._place.pages + 1, self._place.rows + page.rows)
        known = {_find_id(item) for item in self._recent}
        self._left = [item for item in reversed(page.items) if _find_id(item) not in known]
        self._recent = deque([*self._recent, *page.items], max(RECENT, len(page.items)))
        # As many new objects as a page has can move the last page to this place: the list has grown then.
        has_grown = bool(page.items) and page.total > self._total
        has_new = bool(self._left) or has_grown or (page.skipped > 0 and self._place.rows < page.total)
        self._total = page.total
        self._is_over = not has_new or page.is_last(self._place, self._page_size)


def _find_id(item: object) -> object:
    return getattr(item, "id", None) or id(item)

"""Iterate over lists that the API returns in pages."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Generic, List, Sequence, TypeVar

__all__ = ["Pages"]

T = TypeVar("T")


class Pages(Generic[T]):
    """
    An iterator over the items of all pages. Each page is requested when its first item is needed.

    An object that is created between two requests moves older ones to the next page; an item that was on the previous
    page is not returned twice.
    """

    def __init__(self, fetch: Callable[[int], Awaitable[Sequence[T]]], page_size: int) -> None:
        self._fetch = fetch
        self._page_size = page_size
        self._pages_read = 0
        self._left: List[T] = []
        self._last_ids: set[Any] = set()
        self._is_over = False

    def __aiter__(self) -> Pages[T]:
        return self

    async def __anext__(self) -> T:
        while not self._left:
            if self._is_over:
                raise StopAsyncIteration
            await self._read_page()
        return self._left.pop()

    async def _read_page(self) -> None:
        page = await self._fetch(self._pages_read)
        self._pages_read += 1
        self._is_over = len(page) < self._page_size
        self._left = [item for item in reversed(page) if _find_id(item) not in self._last_ids]
        self._last_ids = {_find_id(item) for item in page}


def _find_id(item: object) -> object:
    return getattr(item, "id", None) or id(item)

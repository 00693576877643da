"""Walk through lists that come in pages."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Generic, List, Sequence, TypeVar

__all__ = ["Pages"]

T = TypeVar("T")


class Pages(Generic[T]):
    """
    Items of all pages, one after the other, each page read when its turn comes.

    New items push older ones onto the next page while one reads; what was on the page before is not given twice.
    """

    def __init__(self, fetch: Callable[[int], Awaitable[Sequence[T]]], page_size: int) -> None:
        self._fetch = fetch
        self._page_size = page_size
        self._pages_read = 0
        self._waiting: List[T] = []
        self._last_ids: set[Any] = set()
        self._is_over = False

    def __aiter__(self) -> Pages[T]:
        return self

    async def __anext__(self) -> T:
        while not self._waiting:
            if self._is_over:
                raise StopAsyncIteration
            await self._turn_page()
        return self._waiting.pop()

    async def _turn_page(self) -> None:
        page = await self._fetch(self._pages_read)
        self._pages_read += 1
        self._is_over = len(page) < self._page_size
        self._waiting = [item for item in reversed(page) if _id_of(item) not in self._last_ids]
        self._last_ids = {_id_of(item) for item in page}


def _id_of(item: object) -> object:
    return getattr(item, "id", None) or id(item)

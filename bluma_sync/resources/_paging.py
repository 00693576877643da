# Generated from bluma_async/resources/_paging.py by `nox -s facade`: change that, not this.
"""
Iterate over lists that the API returns in pages.

Rule: a short page does not end a list that has more by its own counts, or that has sent none: its pages may be smaller
than requested. A page without a new item ends every list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from bluma_async.resources._paging import T
from bluma_sync._portal import step

if TYPE_CHECKING:
    from bluma_async.resources import _paging as asynchronous

__all__ = ["Pages"]


class Pages(Generic[T]):
    """
    An iterator over the items of all pages. Each page is requested when its first item is needed.

    An object that is created between two requests moves older ones to the next page; an item that was among the last
    200 ones is not returned twice. Several consumers can share the iterator: each item is returned to one of them, and
    all of them see the end. After an error or a cancellation, the next call requests the same page again.
    """

    def __init__(self, twin: asynchronous.Pages[T]) -> None:
        self._async = twin

    def __iter__(self) -> Pages[T]:
        return self

    def __next__(self) -> T:
        return step(self._async)

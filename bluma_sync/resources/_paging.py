# Generated from bluma_async/resources/_paging.py by `nox -s facade`: change that, not this.
"""Walk through lists that come in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from bluma_async.resources._paging import T
from bluma_sync._portal import step

if TYPE_CHECKING:
    from bluma_async.resources import _paging as asynchronous

__all__ = ["Pages"]


class Pages(Generic[T]):
    """
    Items of all pages, one after the other, each page read when its turn comes.

    New items push older ones onto the next page while one reads; what was on the page before is not given twice.
    """

    def __init__(self, twin: asynchronous.Pages[T]) -> None:
        self._async = twin

    def __iter__(self) -> Pages[T]:
        return self

    def __next__(self) -> T:
        return step(self._async)

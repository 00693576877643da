# Generated from bluma_async/resources/collections.py by `nox -s facade`: change that, not this.
"""Collections: assets in groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Sequence

from bluma_async._wire.checks import MAX_PAGE_SIZE
from bluma_sync._portal import run
from bluma_sync.resources._paging import Pages

if TYPE_CHECKING:
    from bluma_async.resources import collections as asynchronous
    from bluma_async.types import Asset, Collection

__all__ = ["Collections"]


class Collections:
    """Group assets, so that a template can pick from them."""

    def __init__(self, twin: asynchronous.Collections) -> None:
        self._async = twin

    def create(self, name: str, description: str | None = None, asset_type: str = "all") -> Collection:
        """
        Make an empty collection.

        Args:
            name: What to call it.
            description: What it is for.
            asset_type: `images`, `videos` or `all`.
        """
        return run(self._async.create(name, description, asset_type))

    def get(self, collection_id: str) -> Collection:
        """
        Return a collection.

        Raises:
            NotFoundError: There is no such collection.
        """
        return run(self._async.get(collection_id))

    def rename(self, collection_id: str, name: str) -> Collection:
        """Give a collection another name."""
        return run(self._async.rename(collection_id, name))

    def update(self, collection_id: str, name: str | None = None, description: str | None = None) -> Collection:
        """
        Change a collection's name, its description, or both.

        Raises:
            InvalidArgumentError: There is nothing to change.
        """
        return run(self._async.update(collection_id, name, description))

    def delete(self, collection_id: str) -> None:
        """Delete a collection. The assets in it stay."""
        run(self._async.delete(collection_id))

    def add_assets(self, collection_id: str, asset_ids: Sequence[str]) -> None:
        """
        Put assets into a collection.

        Assets that are in it already stay; the order has no meaning.

        Raises:
            NotFoundError: The collection, or one of the assets, does not exist. Nothing was added.
        """
        run(self._async.add_assets(collection_id, asset_ids))

    def remove_asset(self, collection_id: str, asset_id: str) -> None:
        """Take an asset out of a collection. The asset stays."""
        run(self._async.remove_asset(collection_id, asset_id))

    def list_assets(self, collection_id: str, limit: int = 50, offset: int = 0) -> List[Asset]:
        """
        Return assets of a collection.

        Args:
            collection_id: Which collection.
            limit: How many assets, 1 to 100.
            offset: How many to leave out.
        """
        return run(self._async.list_assets(collection_id, limit, offset))

    def iterate_assets(self, collection_id: str, *, page_size: int = MAX_PAGE_SIZE) -> Pages[Asset]:
        """
        Go through all assets of a collection, page by page as needed.

        Args:
            collection_id: Which collection.
            page_size: Assets to a request, 1 to 100.
        """
        return Pages(self._async.iterate_assets(collection_id, page_size=page_size))

    def list(self, asset_type: str | None = None) -> List[Collection]:
        """
        Return all collections.

        Args:
            asset_type: Only those for `images`, `videos` or `all`.
        """
        return run(self._async.list(asset_type))

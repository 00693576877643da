# Generated from bluma_async/resources/collections.py by `nox -s facade`: change that, not this.
"""Collections: groups of assets."""

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
        Create an empty collection.

        Args:
            name: A name for the collection.
            description: A description for people.
            asset_type: The kind of assets: `images`, `videos` or `all`.

        Raises:
            InvalidArgumentError: The name is empty. Nothing was sent.
        """
        return run(self._async.create(name, description, asset_type))

    def get(self, collection_id: str | Collection) -> Collection:
        """
        Return a collection.

        Raises:
            NotFoundError: There is no collection with this id.
        """
        return run(self._async.get(collection_id))

    def rename(self, collection_id: str | Collection, name: str) -> Collection:
        """
        Change a collection's name.

        Raises:
            NotFoundError: There is no collection with this id.
        """
        return run(self._async.rename(collection_id, name))

    def update(
        self, collection_id: str | Collection, name: str | None = None, description: str | None = None
    ) -> Collection:
        """
        Change a collection's name, its description, or both.

        Raises:
            InvalidArgumentError: Neither a name nor a description was passed. Nothing was sent.
            NotFoundError: There is no collection with this id.
        """
        return run(self._async.update(collection_id, name, description))

    def delete(self, collection_id: str | Collection) -> None:
        """
        Delete a collection. The assets in it are kept.

        Raises:
            NotFoundError: There is no collection with this id.
        """
        run(self._async.delete(collection_id))

    def add_assets(self, collection_id: str | Collection, asset_ids: Sequence[str | Asset]) -> None:
        """
        Add assets to a collection. Assets that are in it already are ignored; a collection has no order.

        Raises:
            InvalidArgumentError: `asset_ids` is a single string, or an id is empty. Nothing was sent.
            NotFoundError: The collection, or one of the assets, does not exist. Nothing was added.
        """
        run(self._async.add_assets(collection_id, asset_ids))

    def remove_asset(self, collection_id: str | Collection, asset_id: str | Asset) -> None:
        """
        Remove an asset from a collection. The asset itself is kept.

        Raises:
            NotFoundError: There is no collection with this id, or the asset is not in it.
        """
        run(self._async.remove_asset(collection_id, asset_id))

    def list_assets(self, collection_id: str | Collection, limit: int | None = None, offset: int = 0) -> List[Asset]:
        """
        Return the assets of a collection: all of them, in requests of 100 each, or one page if `limit` is passed.

        Args:
            collection_id: The collection or its id.
            limit: The largest number of assets to return, 1 to 100; None for no limit.
            offset: The number of assets to skip, at least 0.

        Raises:
            InvalidArgumentError: `limit` or `offset` is invalid. Nothing was sent.
            NotFoundError: There is no collection with this id.
        """
        return run(self._async.list_assets(collection_id, limit, offset))

    def iterate_assets(self, collection_id: str | Collection, *, page_size: int = MAX_PAGE_SIZE) -> Pages[Asset]:
        """
        Iterate over all assets of a collection. Pages are requested as they are needed.

        Args:
            collection_id: The collection or its id.
            page_size: The number of assets in one request, 1 to 100.

        Raises:
            InvalidArgumentError: `page_size` is invalid. Nothing was sent.
        """
        return Pages(self._async.iterate_assets(collection_id, page_size=page_size))

    def list(self, asset_type: str | None = None) -> List[Collection]:
        """
        Return all collections.

        Args:
            asset_type: Only collections of this kind: `images`, `videos` or `all`.
        """
        return run(self._async.list(asset_type))

"""Collections: groups of assets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Sequence, cast

from bluma_async._wire.call import (
    Call,
    compact,
    delete,
    get,
    patch,
    path,
    post,
    put,
)
from bluma_async._wire.checks import MAX_PAGE_SIZE, invalid, require_id, require_page, require_text
from bluma_async._wire.codec import Many, One
from bluma_async._wire.ids import require_ids
from bluma_async.resources._paging import Fetched, Pages, Place
from bluma_async.types import Asset, Collection

if TYPE_CHECKING:
    from bluma_async._session.session import Session

__all__ = ["Collections"]


class Collections:
    """Group assets, so that a template can pick from them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, name: str, description: str | None = None, asset_type: str = "all") -> Collection:
        """
        Create an empty collection.

        Args:
            name: A name for the collection.
            description: A description for people.
            asset_type: The kind of assets: `images`, `videos` or `all`.

        Raises:
            InvalidArgumentError: The name is empty. Nothing was sent.
        """
        body = compact(name=require_text("name", name), description=description, asset_type=asset_type)
        return await self._session.send(post("/collections", One(Collection), body))

    async def get(self, collection_id: str | Collection) -> Collection:
        """
        Return a collection.

        Raises:
            NotFoundError: There is no collection with this id.
        """
        return await self._session.send(get(_path(collection_id), One(Collection)))

    async def rename(self, collection_id: str | Collection, name: str) -> Collection:
        """
        Change a collection's name.

        Raises:
            NotFoundError: There is no collection with this id.
        """
        body = {"name": require_text("name", name)}
        return await self._session.send(put(_path(collection_id), One(Collection), body))

    async def update(
        self, collection_id: str | Collection, name: str | None = None, description: str | None = None
    ) -> Collection:
        """
        Change a collection's name, its description, or both.

        Raises:
            InvalidArgumentError: Neither a name nor a description was passed. Nothing was sent.
            NotFoundError: There is no collection with this id.
        """
        body = compact(name=name, description=description)
        if not body:
            raise invalid("name", "Either name or description must be provided: there is nothing to update.")
        return await self._session.send(patch(_path(collection_id), One(Collection), body))

    async def delete(self, collection_id: str | Collection) -> None:
        """
        Delete a collection. The assets in it are kept.

        Raises:
            NotFoundError: There is no collection with this id.
        """
        await self._session.send(delete(_path(collection_id)))

    async def add_assets(self, collection_id: str | Collection, asset_ids: Sequence[str | Asset]) -> None:
        """
        Add assets to a collection. Assets that are in it already are ignored; a collection has no order.

        Raises:
            InvalidArgumentError: `asset_ids` is a single string, or an id is empty. Nothing was sent.
            NotFoundError: The collection, or one of the assets, does not exist. Nothing was added.
        """
        body = {"assetIds": require_ids("asset_ids", asset_ids, Asset)}
        await self._session.send(post(_path(collection_id) + "/assets", _ignore, body))

    async def remove_asset(self, collection_id: str | Collection, asset_id: str | Asset) -> None:
        """
        Remove an asset from a collection. The asset itself is kept.

        Raises:
            NotFoundError: There is no collection with this id, or the asset is not in it.
        """
        await self._session.send(
            delete(path(f"{_path(collection_id)}/assets", require_id("asset_id", asset_id, Asset)))
        )

    async def list_assets(
        self, collection_id: str | Collection, limit: int | None = None, offset: int = 0
    ) -> List[Asset]:
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
        if limit is not None:
            return (await self._session.send(_assets(collection_id, limit, offset))).items
        found = {asset.id: asset async for asset in self._iterate_assets(collection_id, MAX_PAGE_SIZE, offset)}
        return list(found.values())

    def iterate_assets(self, collection_id: str | Collection, *, page_size: int = MAX_PAGE_SIZE) -> Pages[Asset]:
        """
        Iterate over all assets of a collection. Pages are requested as they are needed.

        Args:
            collection_id: The collection or its id.
            page_size: The number of assets in one request, 1 to 100.

        Raises:
            InvalidArgumentError: `page_size` is invalid. Nothing was sent.
        """
        return self._iterate_assets(collection_id, page_size, 0)

    def _iterate_assets(self, collection_id: str | Collection, page_size: int, offset: int) -> Pages[Asset]:
        require_page(page_size, offset=offset)

        async def fetch(place: Place) -> Fetched[Asset]:
            return await self._session.send(_assets(collection_id, page_size, place.rows))

        return Pages(fetch, page_size, offset)

    async def list(self, asset_type: str | None = None) -> List[Collection]:
        """
        Return all collections.

        Args:
            asset_type: Only collections of this kind: `images`, `videos` or `all`.
        """
        return await self._session.send(get("/collections", Many(Collection, "collections"), asset_type=asset_type))


def _decode_page(raw: object) -> Fetched[Asset]:
    assets, skipped = Many(Asset, "assets").read(raw)
    total = cast("Dict[str, object]", raw).get("total") if isinstance(raw, dict) else None
    return Fetched(assets, total if type(total) is int else 0, skipped=skipped)


def _assets(collection_id: str | Collection, limit: int, offset: int) -> Call[Fetched[Asset]]:
    require_page(limit, offset=offset)
    return get(_path(collection_id) + "/assets", _decode_page, limit=limit, offset=offset)


def _path(collection_id: str | Collection) -> str:
    return path("/collections", require_id("collection_id", collection_id, Collection))


def _ignore(_: object) -> None:
    return None

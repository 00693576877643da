"""`client.collections`, against the sandbox."""

from __future__ import annotations

import pytest

from bluma_async import AsyncBluma, errors
from tests.fakes import answer, client_with


async def test_collections(client: AsyncBluma) -> None:
    """Items 73 to 80: collections and the assets in them."""
    made = await client.collections.create(name="Photos", description="Products")
    bare = await client.collections.create("Clips", asset_type="videos")
    assets = [(await client.assets.upload(file_name=f"{n}.jpg", file_type="image/jpeg")).asset_id for n in range(3)]
    await client.collections.add_assets(collection_id=made.id, asset_ids=assets)
    await client.collections.add_assets(made.id, assets[:1])
    await client.collections.remove_asset(made.id, assets[0])
    read = await client.collections.get(made.id)
    inside = await client.collections.list_assets(made.id)

    assert (made.id[:5], made.asset_count, bare.description) == ("coll_", 0, None)
    assert (read.asset_count, sorted(asset.id for asset in inside)) == (2, sorted(assets[1:]))
    assert all(asset.cdn_url for asset in inside)
    assert len([asset async for asset in client.collections.iterate_assets(made.id, page_size=1)]) == 2
    assert (await client.collections.rename(made.id, "New")).name == "New"
    assert (await client.collections.update(made.id, description="D")).description == "D"
    assert [entry.id for entry in await client.collections.list("videos")] == [bare.id]
    with pytest.raises(errors.NotFoundError):
        await client.collections.add_assets(made.id, [assets[0], "asset_nothing"])
    assert (await client.collections.get(made.id)).asset_count == 2
    await client.collections.delete(made.id)
    assert [entry.id for entry in await client.collections.list()] == [bare.id]


async def test_invalid_changes_of_a_collection_are_refused() -> None:
    """A single string is no list of ids, and a change needs a name or a description; nothing is sent."""
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError, match="list of ids"):
        await client.collections.add_assets("c", "asset_1")
    with pytest.raises(errors.InvalidArgumentError, match="nothing to update"):
        await client.collections.update("c")

    assert transport.requests == []

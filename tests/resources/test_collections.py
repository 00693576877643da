"""`client.collections`, against the sandbox."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._wire.messages import Answer, Request
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.assets import create_asset
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
    """A single string is not a list of ids, and a change needs a name or a description; nothing is sent."""
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError, match="list of ids"):
        await client.collections.add_assets("c", "asset_1")
    with pytest.raises(errors.InvalidArgumentError, match="nothing to update"):
        await client.collections.update("c")

    assert transport.requests == []


async def test_the_assets_of_a_collection_are_listed_in_full(client: AsyncBluma, sandbox: Sandbox) -> None:
    """Item 79: without a limit, `list_assets` returns all 120 assets; with one, a page."""
    made = await client.collections.create("Photos")
    for number in range(120):
        create_asset(sandbox._running, f"{number}.jpg", "image/jpeg", [made.id])

    listed = await client.collections.list_assets(made.id)

    assert len({asset.id for asset in listed}) == len(listed) == 120
    assert await client.collections.list_assets(made.id, offset=100) == listed[100:]
    assert await client.collections.list_assets(made.id, 50, 10) == listed[10:60]


def serve_pages(count: int, largest: int, *, totals: bool) -> Callable[[Request], Answer]:
    """Return a server of a collection with so many assets, on pages of at most `largest`."""

    def reply(request: Request) -> Answer:
        query = dict(pair.split("=") for pair in request.url.split("?")[1].split("&"))
        begin, size = int(query["offset"]), min(int(query["limit"]), largest)
        rows: List[Any] = [{"id": f"asset_{number}"} for number in range(count)][begin : begin + size]
        body: Dict[str, Any] = {"assets": rows, **({"total": count} if totals else {})}
        return answer(200, body)

    return reply


@pytest.mark.parametrize(
    ("count", "largest", "totals", "requests"),
    [(0, 100, True, 1), (3, 100, False, 2), (199, 100, True, 2), (200, 100, False, 3), (120, 50, True, 3)],
)
async def test_the_list_ends_where_the_server_says(count: int, largest: int, totals: bool, requests: int) -> None:
    """A server with smaller pages than requested loses no asset; one without a total is read to its end."""
    client, transport, _ = client_with(serve_pages(count, largest, totals=totals))

    listed = await client.collections.list_assets("coll_1")

    assert [asset.id for asset in listed] == [f"asset_{number}" for number in range(count)]
    assert len(transport.requests) == requests


async def test_a_server_that_repeats_a_page_ends_the_list() -> None:
    """A server that ignores `offset` causes two requests, and no asset is returned twice."""
    page = {"assets": [{"id": f"asset_{number}"} for number in range(100)], "total": 1000}
    client, transport, _ = client_with(answer(200, page))

    listed = await client.collections.list_assets("coll_1")

    assert (len(listed), len(transport.requests)) == (100, 2)


async def test_an_invalid_page_of_assets_is_refused() -> None:
    """A limit beyond 100 or a negative offset is refused; nothing is sent."""
    client, transport, _ = client_with(answer(200, {"assets": []}))

    for wrong in ({"limit": 101}, {"limit": 0}, {"offset": -1}):
        with pytest.raises(errors.InvalidArgumentError):
            await client.collections.list_assets("coll_1", **wrong)

    assert transport.requests == []

"""Iterators over pages that several consumers share."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List, Union

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.resources._paging import Fetched, Pages, Place
from bluma_async.sandbox import Cruelty, Sandbox
from bluma_sync.resources._paging import Pages as BlockingPages
from tests.fakes import answer, client_with, pages

ITEMS = list(range(1, 330))
SIZE = 50


class Source:
    """Serves pages, and then an empty one; `faults` are raised first. Notes how many requests are out at a time."""

    def __init__(self, *faults: Exception, items: List[int] = ITEMS) -> None:
        self.items = items
        self.faults = list(faults)
        self.asked: List[int] = []
        self.most = 0
        self._out = 0

    async def fetch(self, place: Place) -> Fetched[int]:
        self.asked.append(place.pages)
        self._out += 1
        self.most = max(self.most, self._out)
        try:
            await asyncio.sleep(0)
            if self.faults:
                raise self.faults.pop(0)
            return Fetched([*pages(self.items, SIZE), []][place.pages], len(self.items))
        finally:
            self._out -= 1


async def drain(shared: Any) -> List[int]:
    """Take items until the end, and let the other consumers take some after each."""
    taken: List[int] = []
    async for item in shared:
        taken.append(item)
        await asyncio.sleep(0)
    return taken


@pytest.mark.parametrize("consumers", [1, 4])
@pytest.mark.parametrize("count", [len(ITEMS), 6 * SIZE], ids=["a short last page", "an empty last page"])
async def test_consumers_of_one_iterator_share_its_items(consumers: int, count: int) -> None:
    """Each item is returned once, each page is requested once, and every consumer sees the end."""
    source = Source(items=ITEMS[:count])
    shared = Pages(source.fetch, SIZE)

    taken = await asyncio.gather(*(drain(shared) for _ in range(consumers)))

    assert sorted(item for each in taken for item in each) == ITEMS[:count]
    assert (source.asked, source.most) == (list(range(7)), 1)


async def test_a_failed_or_cancelled_request_loses_no_page() -> None:
    """One consumer gets the error, another one requests the page again; so does the next call after a cancellation."""
    source = Source(errors.NetworkError("cut"))
    shared = Pages(source.fetch, SIZE)
    cancelled = asyncio.ensure_future(shared.__anext__())
    await asyncio.sleep(0)
    cancelled.cancel()

    ends: List[Union[List[int], BaseException]] = await asyncio.gather(
        cancelled, drain(shared), drain(shared), return_exceptions=True
    )

    assert [type(end) for end in ends] == [asyncio.CancelledError, errors.NetworkError, list]
    assert ends[2] == ITEMS
    assert source.asked == [0, 0, 0, *range(1, 7)]


async def test_rows_that_cannot_be_read_do_not_end_the_iteration() -> None:
    """A full page of which a row was left out is followed by the next page."""
    rows = [{"id": f"batch_{number}", "status": "queued"} for number in range(5)]
    rows[1]["id"] = ""
    client, transport, _ = client_with(*(answer(200, {"videos": part}) for part in pages(rows, 2)))

    found = [video.id async for video in client.videos.iterate(page_size=2)]

    assert found == ["batch_0", "batch_2", "batch_3", "batch_4"]
    assert len(transport.requests) == 4  # no total says that the third page is the last


@pytest.mark.parametrize("counts", [{}, {"total": 250}])
async def test_a_server_that_sends_everything_each_time_ends_the_list(counts: Any) -> None:
    """Its pages are longer than any that can be asked for; the second one has nothing new."""
    rows = [{"id": f"asset_{number}"} for number in range(250)]
    client, transport, _ = client_with(answer(200, {"assets": rows, **counts}))

    found = await client.collections.list_assets("col_1")

    assert [asset.id for asset in found] == [row["id"] for row in rows]
    assert len(transport.requests) == 2


def test_an_iterator_works_in_one_event_loop_after_another() -> None:
    """The lock belongs to the running loop, so that an iterator is not bound to the one of its first call."""
    shared = Pages(Source().fetch, SIZE)

    async def take() -> List[int]:
        return await asyncio.gather(*(shared.__anext__() for _ in range(SIZE)))

    assert asyncio.run(take()) + asyncio.run(take()) == ITEMS[: 2 * SIZE]


def test_threads_share_a_blocking_iterator() -> None:
    """The blocking twin gives each item to one thread."""
    source = Source()
    shared = BlockingPages(Pages(source.fetch, SIZE))

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: list(shared), range(4)))

    assert sorted(item for each in taken for item in each) == ITEMS
    assert (source.asked, source.most) == (list(range(7)), 1)


class Row:
    """An item with an id."""

    def __init__(self, number: int) -> None:
        self.id = number


class Rows:
    """A list of rows by offset or by page, newest first; its pages are smaller than requested."""

    def __init__(self, count: int, cap: int, *, counts: str) -> None:
        self.rows = [Row(number) for number in range(count)]
        self.cap = cap
        self.counts = counts
        self.requests = 0

    async def by_offset(self, place: Place) -> Fetched[Row]:
        return self._answer(place.rows)

    async def by_page(self, place: Place) -> Fetched[Row]:
        return self._answer(place.pages * self.cap)

    def _answer(self, begin: int) -> Fetched[Row]:
        self.requests += 1
        total = len(self.rows) if "total" in self.counts else 0
        pages = -(-len(self.rows) // self.cap) if "pages" in self.counts else 0
        return Fetched(self.rows[begin : begin + self.cap], total, pages)


@pytest.mark.parametrize("counts", ["total pages", "total", "pages", "none"])
@pytest.mark.parametrize("order", ["by_offset", "by_page"])
@pytest.mark.parametrize(("count", "cap"), [(0, 3), (1, 3), (7, 3), (9, 3), (250, 1), (250, 100)])
async def test_pages_smaller_than_requested_lose_nothing(count: int, cap: int, order: str, counts: str) -> None:
    """Whichever counts the server sends; without any, one further page shows that the list has ended."""
    source = Rows(count, cap, counts=counts)

    found = [row.id async for row in Pages(getattr(source, order), 100)]

    assert found == list(range(count))
    assert source.requests <= max(-(-count // cap), 1) + 1


async def test_rows_that_a_whole_page_of_new_ones_has_moved_are_not_the_end() -> None:
    """All rows of the second page were on the first one: the list has grown by a page meanwhile."""
    source = Rows(250, 100, counts="total pages")
    iterator = Pages(source.by_page, 100)

    first = [(await iterator.__anext__()).id for _ in range(100)]
    source.rows[:0] = [Row(-number) for number in range(1, 101)]
    rest = [row.id async for row in iterator]

    assert first + rest == list(range(250))


async def test_a_server_that_repeats_its_page_ends_the_iteration() -> None:
    """It counts a thousand rows, and ignores the place."""
    source = Rows(1000, 100, counts="total")

    found = [row.id async for row in Pages(lambda _: source.by_offset(Place()), 100)]

    assert (len(found), source.requests) == (100, 2)


async def test_rows_that_the_server_counts_and_hides_do_not_keep_it_reading() -> None:
    """An empty page ends the iteration, whatever the total says."""
    source = Rows(7, 3, counts="none")

    async def fetch(place: Place) -> Fetched[Row]:
        return Fetched((await source.by_offset(place)).items, 50, 20)

    assert len([row async for row in Pages(fetch, 100)]) == 7
    assert source.requests == 4


async def test_iterators_read_all_capped_pages(sandbox: Sandbox) -> None:
    """Videos, transactions and assets, from a server that caps all its lists."""
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url) as client:
        collection = await client.collections.create("x")
        for number in range(7):
            await client.videos.create({"prompt": f"Video number {number}"}, "ugc-text-overlay")
            await client.assets.upload(
                file_name=f"{number}.jpg", file_type="image/jpeg", collection_ids=[collection.id]
            )
        sandbox.cruelty = Cruelty(page_cap=3)

        videos = [video.id async for video in client.videos.iterate()]
        transactions = [entry.id async for entry in client.credits.iterate()]
        assets = [asset.id async for asset in client.collections.iterate_assets(collection)]

        assert [len(set(found)) for found in (videos, transactions, assets)] == [7, 8, 7]
        assert [asset.id for asset in await client.collections.list_assets(collection)] == assets
        assert len(await client.collections.list_assets(collection, limit=100)) == 3

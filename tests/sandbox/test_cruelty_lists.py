"""Cruelty: lists and reads that lag, fail, are capped or are out of order; dates that exclude their seconds."""

from __future__ import annotations

import asyncio
from typing import Any, List

import aiohttp
import pytest

from bluma_async.sandbox import Cruelty, Sandbox
from tests.sandbox.conftest import Plain


async def list_ids(plain: Plain, query: str = "") -> List[str]:
    """Return the ids that `GET /videos` lists."""
    return [row["id"] for row in (await plain("GET", f"/videos{query}"))[1]["videos"]]


@pytest.mark.parametrize("name", ["from_date", "to_date"])
async def test_dates_exclude_the_second_that_they_name(sandbox: Sandbox, plain: Plain, name: str) -> None:
    """A video is created neither after nor before its own second."""
    made = await plain.make()
    await sandbox.advance(0.4)
    same = await plain.make()
    await sandbox.advance(10)
    await plain.make()

    found = await list_ids(plain, f"?{name}={made['created_at']}")

    assert not {made["id"], same["id"]} & set(found)
    assert len(found) == (1 if name == "from_date" else 0)


async def test_dates_can_include_the_second_that_they_name() -> None:
    """The setting `inclusive_dates` restores the older, kinder behaviour."""
    kind = Sandbox(clock="manual", render=False, inclusive_dates=True)
    async with kind as sandbox, aiohttp.ClientSession() as session:
        plain = Plain(session, sandbox)
        made = await plain.make()
        found = await list_ids(plain, f"?from_date={made['created_at']}&to_date={made['created_at']}")

    assert found == [made["id"]]


async def test_the_openapi_document_describes_exclusive_dates(plain: Plain) -> None:
    """A reader of the description learns that the second is not included."""
    _, document, _ = await plain("GET", "/openapi.json")
    parameters = {entry["name"]: entry for entry in document["paths"]["/videos"]["get"]["parameters"]}

    assert "not included" in parameters["from_date"]["description"]
    assert "not included" in parameters["to_date"]["description"]


async def test_lists_show_an_earlier_state(sandbox: Sandbox, plain: Plain) -> None:
    """A new video and its bill appear `list_lag` later, and the status in the list is as old as the list."""
    sandbox.cruelty = Cruelty(list_lag=3)
    made = await plain.make()
    early, read = await list_ids(plain), (await plain("GET", f"/videos/{made['id']}"))[0]
    bills = (await plain("GET", "/credits/history"))[1]["total"]
    await sandbox.advance(3)
    late, later_bills = await list_ids(plain), (await plain("GET", "/credits/history"))[1]["total"]
    await sandbox.advance(102)
    stale = (await plain("GET", "/videos"))[1]["videos"][0]
    await sandbox.advance(3)
    fresh = (await plain("GET", "/videos"))[1]["videos"][0]

    assert (early, read, late) == ([], 200, [made["id"]])
    assert later_bills == bills + 2  # the purchase of the opening balance lags, too
    assert (stale["status"], stale["video_url"], stale["completed_at"]) == ("processing", None, None)
    assert fresh["status"] == "completed"


@pytest.mark.parametrize("path", ["", "/download"])
async def test_reads_lag_behind_the_commit(sandbox: Sandbox, plain: Plain, path: str) -> None:
    """A video answers 404 for `read_lag`, although the list shows it."""
    sandbox.cruelty = Cruelty(read_lag=2)
    made = await plain.make()
    early = (await plain("GET", f"/videos/{made['id']}{path}"))[0]
    listed = await list_ids(plain)
    await sandbox.advance(2)
    late = (await plain("GET", f"/videos/{made['id']}{path}"))[0]

    assert (early, listed, late) == (404, [made["id"]], 400 if path else 200)


async def test_pages_are_capped_with_honest_counts(sandbox: Sandbox, plain: Plain) -> None:
    """A page holds less than `limit`, and the pagination says so."""
    sandbox.cruelty = Cruelty(page_cap=2)
    made = [(await plain.make())["id"] for _ in range(5)]

    _, answer, _ = await plain("GET", "/videos?limit=100")
    last = await list_ids(plain, "?limit=100&page=3")
    _, history, _ = await plain("GET", "/credits/history?limit=100")

    assert [row["id"] for row in answer["videos"]] == made[:2:-1]
    assert answer["pagination"] == {"page": 1, "limit": 2, "total": 5, "total_pages": 3}
    assert last == [made[0]]
    assert (len(history["transactions"]), history["total"]) == (2, 6)


async def test_lists_can_be_out_of_order(sandbox: Sandbox, plain: Plain) -> None:
    """The order has nothing to do with time, but it is the same on every page, so all videos can be read."""
    made = [(await plain.make())["id"] for _ in range(12)]
    sandbox.cruelty = Cruelty(unordered_lists=True, seed=4)

    whole = await list_ids(plain)
    pages = [identifier for page in (1, 2, 3) for identifier in await list_ids(plain, f"?limit=4&page={page}")]

    assert set(whole) == set(made)
    assert whole not in (made, made[::-1])
    assert pages == whole


@pytest.mark.parametrize(
    ("kind", "seen"),
    [("500", 500), ("403", 403), ("429", 429), ("garbage", ValueError), ("cut", aiohttp.ClientError),
     ("silent", asyncio.TimeoutError)],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/videos", "/credits/history"])
async def test_lists_fail(sandbox: Sandbox, plain: Plain, path: str, kind: str, seen: Any) -> None:
    """A list cannot be read; other routes work."""
    sandbox.cruelty = Cruelty(list_failures=1, list_failure_kinds=(kind,))
    patience = aiohttp.ClientTimeout(total=0.2 if kind == "silent" else 15.0)

    try:
        outcome: Any = (await plain("GET", path, timeout=patience))[0]
    except Exception as error:  # noqa: BLE001 - compared below
        outcome = error

    assert outcome == seen if isinstance(seen, int) else isinstance(outcome, seen)
    assert (await plain("GET", "/templates"))[0] == 200


async def test_a_share_of_the_lists_fails_reproducibly(sandbox: Sandbox, plain: Plain) -> None:
    """The same seed fails the same reads; creates in between change nothing."""
    patterns = []
    for seed, path in ((7, "/templates"), (7, "/videos/x"), (8, "/templates")):
        sandbox.cruelty = Cruelty()  # another seed in between starts the random numbers anew
        await plain("GET", "/videos")
        sandbox.cruelty = Cruelty(list_failures=0.5, list_failure_kinds=("500",), seed=seed)
        codes = []
        for _ in range(16):
            codes.append((await plain("GET", "/videos"))[0])
            await plain("GET", path)
        patterns.append(codes)

    assert patterns[0] == patterns[1] != patterns[2]
    assert 3 < patterns[0].count(500) < 13

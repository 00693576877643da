"""Every endpoint, against the sandbox: what the documents show is what one gets."""

from __future__ import annotations

import asyncio
import io
import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, List
from urllib.request import Request, urlopen

import aiohttp
import anyio
import pytest

from bluma_async import AsyncBluma, errors, types
from bluma_async.sandbox import Sandbox
from tests.fakes import answer, client_with

PROMPT = {"prompt": "Explain why the sky is blue"}


async def completed(sandbox: Sandbox, client: AsyncBluma, **arguments: Any) -> types.Video:
    """Return a video that is finished."""
    video = await client.videos.create(**{"context": PROMPT, "template_id": "ugc-text-overlay", **arguments})
    await sandbox.advance(0)
    await sandbox.advance(105)
    return await client.videos.get(video.id)


async def test_a_video_from_create_to_download(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Items 20, 28, 31, 39, 40 and 43: the documented flow."""
    created = await client.videos.create(PROMPT, "ugc-text-overlay", options={"resolution": "4k", "watermark": False})
    await sandbox.advance(70)
    half = await client.videos.get(created.id)
    await sandbox.advance(35)
    done = await client.videos.get(created.id)
    link = await client.videos.download(done.id)

    assert (created.id[:6], f"{created.status}", created.credits_charged) == ("batch_", "queued", 6)
    assert (half.status, half.progress, half.url) == ("processing", 65, None)
    assert (done.status, done.progress, done.duration, type(done.size_bytes)) == ("completed", 100, 15, int)
    assert link.expires_at is not None
    assert done.completed_at is not None
    assert link.expires_at - done.completed_at == timedelta(hours=1)
    async with aiohttp.ClientSession() as plain, plain.get(link.download_url) as response:
        body = await response.read()
    assert (response.status, len(body), body[4:8]) == (200, done.size_bytes, b"ftyp")


async def test_downloading_too_early_says_so(client: AsyncBluma) -> None:
    """A video that is not completed cannot be downloaded, and the status is told."""
    video = await client.videos.create(PROMPT, "ugc-text-overlay")

    with pytest.raises(errors.ValidationError, match="queued") as caught:
        await client.videos.download(video.id)

    assert caught.value.metadata == {"status": "queued"}


async def test_wrong_requests_get_their_errors(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Items 95, 98 and 100: a wrong key, an unknown id, an unknown template, no credits."""
    stranger = client.with_options(api_key="bluma_live_unknown")

    with pytest.raises(errors.AuthenticationError) as key:
        await stranger.templates.list()
    with pytest.raises(errors.NotFoundError) as video:
        await client.videos.get("batch_nothing")
    with pytest.raises(errors.ValidationError) as template:
        await client.videos.create({"prompt": "Test"}, "invalid-template")
    for _ in range(83):
        await client.videos.create(PROMPT, "ugc-text-overlay", options={"resolution": "4k"})
    with pytest.raises(errors.InsufficientCreditsError) as caught:
        await client.videos.create(PROMPT, "ugc-text-overlay", options={"resolution": "4k"})
    poor = caught.value

    assert "bluma_live_unknown" not in str(key.value)
    assert video.value.metadata == {"resource_type": "video", "resource_id": "batch_nothing"}
    assert template.value.field == "template_id"
    assert (poor.credits_required, poor.credits_available) == (6, sandbox.state()["credits"])
    assert sandbox.state()["jobs"]["live"] == sandbox.state()["billed"]


async def test_videos_are_listed_and_iterated(sandbox: Sandbox, client: AsyncBluma) -> None:
    """V4: pages, filters, and all of them, newest first."""
    made: List[str] = []
    for template in ["ugc-text-overlay"] * 4 + ["cat-explainer-v2"]:
        made.append((await client.videos.create(PROMPT, template)).id)
        await sandbox.advance(10)
    middle = (await client.videos.get(made[2])).created_at

    page = await client.videos.list(page=2, limit=2)
    cats = await client.videos.list(template_id="cat-explainer-v2")
    late = await client.videos.list(from_date=middle, to_date=middle + timedelta(seconds=15))
    everything = [video.id async for video in client.videos.iterate(page_size=2)]
    queued = [video.id async for video in client.videos.iterate(status="completed")]

    assert [video.id for video in page] == [made[2], made[1]]
    assert (page.pagination.total, page.pagination.total_pages, len(cats)) == (5, 3, 1)
    assert [video.id for video in late] == [made[3], made[2]]
    assert everything == made[::-1]
    assert queued == []
    assert len([request for request in sandbox.requests if request.query.endswith("limit=2")]) == 4


async def test_what_comes_between_two_pages_is_not_given_twice(sandbox: Sandbox, client: AsyncBluma) -> None:
    """A video made while one reads pushes others onto the next page; each is given once."""
    made = [(await client.videos.create(PROMPT, "ugc-text-overlay")).id for _ in range(4)]
    seen: List[str] = []

    async for video in client.videos.iterate(page_size=2):
        seen.append(video.id)
        if len(seen) == 1:
            await client.videos.create(PROMPT, "ugc-text-overlay")

    assert seen == made[::-1]


@pytest.mark.parametrize("arguments", [{"limit": 0}, {"limit": 101}, {"limit": True}, {"page": 0}, {"page": "1"}])
async def test_pages_that_cannot_be_are_refused(arguments: Any) -> None:
    """Bad page numbers are refused before any request."""
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError) as caught:
        await client.videos.list(**arguments)
    with pytest.raises(errors.InvalidArgumentError):
        client.videos.iterate(page_size=0)
    with pytest.raises(errors.InvalidArgumentError):
        await client.credits.get_history(offset=-1)

    assert caught.value.field in arguments
    assert transport.requests == []


async def test_templates(client: AsyncBluma) -> None:
    """Items 49 to 53: the five of the quickstart, and one in full."""
    templates = await client.templates.list()
    one = await client.templates.get("rick-morty-explainer")

    assert len(templates) == 5
    assert all(template.base_cost == 2 and template.duration_range for template in templates)
    assert one.name == "Rick & Morty Meme Explainer"
    assert one.context_schema is not None
    assert one.context_schema.required == ["prompt"]
    assert (await client.templates.get("meme-dialogue")).id == "meme-dialogue"
    with pytest.raises(errors.NotFoundError):
        await client.templates.get("nothing")


async def test_credits(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Items 54 to 57: the balance, the ledger, its pages, and a refund."""
    for prompt in ("one", "two [fail]", "three"):
        await client.videos.create({"prompt": prompt}, "ugc-text-overlay")
    await sandbox.advance(105)

    balance = await client.credits.get_balance()
    history = await client.credits.get_history(limit=2, offset=1)
    everything = [entry async for entry in client.credits.iterate(page_size=2)]

    assert (balance.credits, balance.tier, balance.monthly_allowance) == (496, "pro", 500)
    assert isinstance(balance.reset_date, datetime)
    assert (len(history), history.total) == (2, 5)
    assert [f"{entry.type}" for entry in everything] == ["refund", "deduction", "deduction", "deduction", "purchase"]
    assert [entry.amount for entry in everything] == [2, -2, -2, -2, 500]
    assert [entry.id for entry in history] == [entry.id for entry in everything[1:3]]
    assert everything[0].created_at is not None


async def test_variants(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Items 67 to 72: presets keep their keys, and make videos."""
    settings = {"systemPrompt": "Be funny", "compositionProps": {"voiceId": "x", "primaryColor": "#FF69B4"}}
    made = await client.variants.create(template_id="rick-morty-explainer", name="Funny", settings=settings)
    listed = await client.variants.list("rick-morty-explainer")
    read = await client.variants.get("rick-morty-explainer", made.id)
    changed = await client.variants.update(template_id="rick-morty-explainer", variant_id=made.id, settings={"a": 1})
    renamed = await client.variants.update("rick-morty-explainer", made.id, name="New")
    video = await client.videos.create(variant_id=made.id, context=PROMPT)
    await client.variants.delete("rick-morty-explainer", made.id)

    assert (made.id[:4], [entry.name for entry in listed], listed[0].is_active) == ("var_", ["Funny"], True)
    assert read.payload["settings"] == settings
    assert (changed.payload.settings, renamed.name) == ({"a": 1}, "New")
    assert (video.template_id, video.variant_id) == ("rick-morty-explainer", made.id)
    assert await client.variants.list("rick-morty-explainer") == []
    with pytest.raises(errors.NotFoundError):
        await client.variants.get("rick-morty-explainer", made.id)
    with pytest.raises(errors.InvalidArgumentError, match="nothing to update"):
        await client.variants.update("rick-morty-explainer", made.id)
    assert (await client.variants.create("rick-morty-explainer", "Empty", {})).payload.settings == {}


async def test_collections(client: AsyncBluma) -> None:
    """Items 73 to 80: collections and what is in them."""
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


async def test_assets_by_a_link(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Items 81 to 85 and trap T-20: the link needs no key and no type, and the asset is there before its bytes."""
    made = await client.assets.upload(file_name="/some/where/product.jpg", file_type="image/jpeg")
    before = await client.assets.get(made.asset_id)

    def put() -> int:
        return int(urlopen(Request(made.upload_url, data=b"x" * 1234, method="PUT")).status)

    status = await anyio.to_thread.run_sync(put)
    after = await client.assets.get(made.asset_id)

    assert (before.name, before.file_size_bytes, before.file_type) == ("product.jpg", 0, "image/jpeg")
    assert (status, after.file_size_bytes, after.cdn_url) == (200, 1234, made.cdn_url)
    assert made.expires_at is not None
    assert made.expires_at > datetime.now(timezone.utc)


async def test_assets_as_files(client: AsyncBluma, tmp_path: Path) -> None:
    """Conflict C-9: paths, bytes and file objects go up in one request."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"m" * 10)
    collection = await client.collections.create("c")
    named = io.BytesIO(b"p" * 30)
    named.name = "/x/picture.png"

    by_kind = await client.assets.upload(files=[path, str(path)], collection_id=collection.id)
    given = await client.assets.upload([b"j" * 20, named], file_type="image/jpeg")
    guessed = await client.assets.upload([named], None) if named.seek(0) == 0 else []

    assert [(asset.name, asset.file_type, asset.file_size_bytes) for asset in by_kind] == [
        ("clip.mp4", "video/mp4", 10)
    ] * 2
    assert [(asset.name, asset.file_type, asset.file_size_bytes) for asset in given] == [
        ("file-0", "image/jpeg", 20),
        ("picture.png", "image/jpeg", 30),
    ]
    assert guessed[0].file_type == "image/png"
    assert (await client.collections.get(collection.id)).asset_count == 2


async def test_files_are_read_afresh_for_every_attempt(sandbox: Sandbox, client: AsyncBluma) -> None:
    """A retry sends the whole file again."""
    sandbox.faults.add("POST /assets/upload", "status", status=500, times=2)

    assets = await client.assets.upload(files=[b"x" * 100], file_type="image/png")

    assert assets[0].file_size_bytes == 100
    assert len(sandbox.requests) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"files": [b"x"], "file_name": "x"},
        {"files": []},
        {"files": "x.jpg"},
        {"files": [b"x"] * 21},
        {"files": ["/nothing/here.jpg"]},
        {"files": [io.StringIO("text")]},
        {"file_name": "x"},
        {"file_name": "", "file_type": "image/png"},
        {"file_name": "x", "file_type": "image/png", "collection_ids": "coll_1"},
    ],
)
async def test_uploads_that_cannot_be_are_refused(arguments: Any) -> None:
    """Bad uploads are refused before any request."""
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError):
        await client.assets.upload(**arguments)

    assert transport.requests == []


async def test_an_asset_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file over 100 MB is not sent."""
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError, match="100000000"):
        await client.assets.upload(files=[bytes(100 * 10**6 + 1)])

    assert transport.requests == []


async def test_assets_are_found_renamed_deleted_and_recovered(client: AsyncBluma) -> None:
    """Items 86 to 91: filters by family and MIME type, random picks, soft deletion."""
    picture = (await client.assets.upload(files=[b"1"], file_type="image/jpeg"))[0]
    other = (await client.assets.upload(files=[b"2"], file_type="image/png"))[0]
    sound = (await client.assets.upload(files=[b"3"], file_type="audio/mpeg"))[0]

    async def names(**filters: Any) -> List[str]:
        return sorted(asset.id for asset in await client.assets.list(**filters))

    await client.assets.delete(sound.id)

    assert await names(file_type="image") == sorted([picture.id, other.id])
    assert await names(file_type="image/jpeg") == [picture.id]
    assert await names() == sorted([picture.id, other.id])
    assert sound.id in await names(include_deleted=True)
    assert (await client.assets.get_random("image", used_asset_ids=[picture.id])).id == other.id
    assert (await client.assets.rename(picture.id, "New")).name == "New"
    assert (await client.assets.recover(sound.id)).deleted_at is None
    with pytest.raises(errors.NotFoundError):
        await client.assets.get_random("video")
    for wrong in ({"used_asset_ids": "asset_1"}, {"file_type": ""}):
        with pytest.raises(errors.InvalidArgumentError):
            await client.assets.get_random(**{"file_type": "image", **wrong})
    with pytest.raises(errors.InvalidArgumentError, match="list of ids"):
        await client.collections.add_assets("c", "asset_1")
    with pytest.raises(errors.InvalidArgumentError, match="nothing to update"):
        await client.collections.update("c")


async def test_webhooks(client: AsyncBluma) -> None:
    """Items 58 to 60: the secret is told once, and deletes answer as they like."""
    made = await client.webhooks.create(url="https://myapp.com/hook", events=["video.completed", "video.failed"])
    listed = await client.webhooks.list()
    read = await client.webhooks.get(made.id)

    assert (made.id[:8], (made.secret or "")[:6]) == ("webhook_", "whsec_")
    assert [(entry.id, entry.url, entry.is_active, entry.secret) for entry in listed] == [
        (made.id, made.url, True, None)
    ]
    assert (read.secret, await client.webhooks.get_deliveries(made.id)) == (None, [])
    await client.webhooks.delete(made.id)
    with pytest.raises(errors.NotFoundError):
        await client.webhooks.get(made.id)
    with pytest.raises(errors.InvalidArgumentError, match="list"):
        await client.webhooks.create("https://x", "video.completed")
    with pytest.raises(errors.ValidationError) as wrong:
        await client.webhooks.create("https://x", ["video.exploded"])
    assert wrong.value.field == "events"


@pytest.mark.parametrize("body", [b"{}", b"", b"anything"])
async def test_deletes_return_on_whatever_a_success_carries(body: bytes) -> None:
    """Item 60 and trap T-3: 200 with `{}`, 200 with nothing, 204."""
    client, _, _ = client_with(answer(200 if body else 204, body if body != b"anything" else b'["x"]'))

    assert await client.webhooks.delete("webhook_1") is None  # type: ignore[func-returns-value]  # that is the point


async def test_api_keys(sandbox: Sandbox, client: AsyncBluma) -> None:
    """K1 to K4: a key with a low limit gives 429, rotates with grace, and is revoked at once."""
    made = await client.api_keys.create("n", "test", rate_limit_per_hour=3)
    mine = client.with_options(api_key=made.key)
    for _ in range(3):
        await mine.templates.list()
    with pytest.raises(errors.RateLimitError) as caught:
        await mine.templates.list()
    fresh = await client.api_keys.rotate(made.id)
    await sandbox.advance(3601)

    assert (caught.value.retry_after, caught.value.metadata["limit"]) == (3600, 3)
    assert mine.rate_limit is not None
    assert (mine.rate_limit.limit, mine.rate_limit.remaining) == (3, 0)
    await mine.templates.list()
    await client.with_options(api_key=fresh.key).templates.list()
    await client.api_keys.delete(made.id)
    with pytest.raises(errors.AuthenticationError):
        await mine.templates.list()
    assert made.id in [key.id for key in await client.api_keys.list()]


async def test_usage(client: AsyncBluma) -> None:
    """U1 to U6: figures of what was asked for."""
    await client.videos.create(PROMPT, "ugc-text-overlay")
    with pytest.raises(errors.NotFoundError):
        await client.videos.get("nothing")

    metrics = await client.usage.get_metrics(period="7d")
    series = await client.usage.get_timeseries(granularity="day")
    top = await client.usage.get_top_endpoints(limit=1)
    recent = await client.usage.get_recent_requests(2)
    keys = await client.usage.get_usage_by_key()
    failures = await client.usage.get_error_breakdown()

    assert (metrics.total_requests, metrics.failed_requests, metrics.credits_consumed) == (2, 1, 2)
    assert series[0].requests == 3
    assert len(top) == 1
    assert [(entry.method, entry.endpoint) for entry in recent] == [
        ("GET", "/usage/endpoints"),
        ("GET", "/usage/timeseries"),
    ]
    assert (keys[0].requests, keys[0].credits_consumed) == (6, 2)
    assert [(entry.status_code, entry.count, entry.percentage) for entry in failures] == [(404, 1, 100.0)]
    with pytest.raises(errors.ValidationError):
        await client.usage.get_metrics(period="soon")


async def test_a_rate_limit_comes_with_everything_the_server_said(sandbox: Sandbox, client: AsyncBluma) -> None:
    """A fault in the documented form becomes the documented error."""
    sandbox.faults.add("GET /templates", "status", status=429, retry_after=3600)

    with pytest.raises(errors.RateLimitError) as caught:
        await client.templates.list()

    assert caught.value.retry_after == 3600


@pytest.mark.parametrize("kind", ["not_json", "truncate", "html", "string_error", "drop_before", "trickle", "silent"])
async def test_garbage_is_an_error_of_ours(sandbox: Sandbox, client: AsyncBluma, kind: str) -> None:
    """Whatever the server does to an answer, one of our errors comes out, and the next call works."""
    sandbox.faults.add("GET /templates", kind, times=None)
    hasty = client.with_options(timeout=0.1, max_retries=0)

    with pytest.raises(errors.BlumaError) as caught:
        await hasty.templates.list()

    assert caught.value.status in {500, 502, 503, 504}
    sandbox.faults.clear()
    assert len(await client.templates.list()) == 5


async def test_a_status_never_heard_of_reaches_the_caller(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Item 48: an unknown status is a value like any other."""
    video = await client.videos.create(PROMPT, "ugc-text-overlay")
    sandbox.faults.add("GET /videos/{id}", "new_status")

    assert (await client.videos.get(video.id)).status == "rescheduled"


async def test_saving_writes_the_whole_file(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """The file is there, whole, with its progress told; what was there is kept unless told otherwise."""
    video = await completed(sandbox, client)
    told: List[Any] = []
    target = tmp_path / "out.mp4"

    size = await client.videos.save(video.id, target, on_progress=lambda done, total: told.append((done, total)))

    assert target.stat().st_size == size == video.size_bytes
    assert told[-1] == (size, size)
    assert not (tmp_path / "out.mp4.part").exists()
    with pytest.raises(errors.InvalidArgumentError, match="already there"):
        await client.videos.save(video.id, target)
    assert await client.videos.save(video.id, str(target), overwrite=True) == size


@pytest.mark.parametrize("place", ["missing/out.mp4", ""])
async def test_places_that_cannot_be_written_are_refused(place: str, tmp_path: Path) -> None:
    """A missing folder and a folder are refused before anything is fetched."""
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError):
        await client.videos.save("batch_1", tmp_path / place)

    assert transport.requests == []


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("drop_before", errors.NetworkError), ("expire_link", errors.ForbiddenError)],
)
async def test_a_download_that_never_begins_leaves_nothing(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path, kind: str, kept: Any
) -> None:
    """Cut before the first byte, expired twice: an error of ours, and no file."""
    video = await completed(sandbox, client)
    route = "GET /videos/{id}/download" if kind == "expire_link" else "GET /cdn/{place}"
    sandbox.faults.add(route, kind, times=None)

    with pytest.raises(kept):
        await client.videos.save(video.id, tmp_path / "out.mp4")

    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a folder of the test, listed at once


async def test_a_download_shorter_than_promised_is_not_kept(tmp_path: Path) -> None:
    """What claims more bytes than come is refused, and so is an endless refusal."""
    signed = answer(200, {"download_url": "https://cdn/v1/x.mp4"})
    short, _, _ = client_with(signed, answer(200, b"12345", {"Content-Length": "9"}))
    refused, _, _ = client_with(signed, answer(403, b"x" * 100_000))
    free, transport, _ = client_with(signed, answer(200, b"12345"))

    with pytest.raises(errors.NetworkError, match="5 of 9 bytes"):
        await short.videos.save("a", tmp_path / "x")
    with pytest.raises(errors.ForbiddenError):
        await refused.videos.save("a", tmp_path / "x")
    assert await free.videos.save("a", tmp_path / "x") == 5
    assert "Authorization" not in transport.requests[1].headers


@pytest.mark.parametrize("error", [OSError("disk full"), asyncio.TimeoutError("mine"), LookupError("mine")])
async def test_what_on_progress_raises_ends_the_saving(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path, error: Exception
) -> None:
    """The user's exception comes out as it is, whatever its class; the file is not there, and saving goes on later."""
    video = await completed(sandbox, client)

    def tell(_: int, __: Any) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        await client.videos.save(video.id, tmp_path / "out.mp4", on_progress=tell)

    assert caught.value is error
    assert not (tmp_path / "out.mp4").exists()
    assert await client.videos.save(video.id, tmp_path / "out.mp4") == video.size_bytes
    assert os.listdir(tmp_path) == ["out.mp4"]  # noqa: PTH208 - a folder of the test, listed at once


async def test_links_never_carry_the_key(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Every request to the API has the key, none to a link does."""
    video = await completed(sandbox, client)
    seen: List[Any] = []
    client._session.shared.reach()
    stream = client._session.shared.transport.stream  # type: ignore[union-attr]  # reached

    def spy(request: Any, timeout: float) -> Any:
        seen.append(dict(request.headers))
        return stream(request, timeout)

    client._session.shared.transport.stream = spy  # type: ignore[union-attr,method-assign]  # a look at the last step
    await client.videos.save(video.id, tmp_path / "x.mp4")

    assert len(seen) == 1
    assert "bluma" not in json.dumps({name: value for name, value in seen[0].items() if name != "User-Agent"})

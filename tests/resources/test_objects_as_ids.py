"""Every method that takes an id takes the object too; empty texts in place of optional ids mean that there is none."""

from __future__ import annotations

import inspect
from typing import Any, Awaitable, Callable, Dict, Iterator, List, Tuple

import pytest

from bluma_async import AsyncBluma, AsyncLuma, errors
from bluma_async._runtime.resource import Resource
from bluma_async.sandbox import Sandbox
from bluma_async.types import ApiKey, Asset, Collection, Template, TemplateVariant, Video, VideoStatus, Webhook
from tests.fakes import answer, client_with
from tests.luma.conformance import make_client, start

VIDEO = Video(id="v/1", status=VideoStatus.QUEUED)
TEMPLATE, VARIANT, WEBHOOK = Template(id="t"), TemplateVariant(id="var"), Webhook(id="w")
COLLECTION, KEY = Collection(id="c"), ApiKey(id="k")
ASSETS = [Asset(id="a1"), Asset(id="a2")]
ANSWER = answer(
    200,
    {"id": "v/1", "status": "completed", "download_url": "https://x/y", "asset_id": "a1", "upload_url": "https://x/z"},
)
Send = Callable[[AsyncBluma], Awaitable[Any]]
CALLS: Dict[str, List[Send]] = {
    "GET /videos/v%2F1": [lambda client: client.videos.get(VIDEO), lambda client: client.videos.wait_for(VIDEO)],
    "GET /videos/v%2F1/download": [lambda client: client.videos.download(VIDEO)],
    "GET /videos?page=1&limit=20&template_id=t": [lambda client: client.videos.list(template_id=TEMPLATE)],
    "GET /videos?page=1&limit=100&template_id=t": [lambda client: all_of(client.videos.iterate(template_id=TEMPLATE))],
    "GET /templates/t": [lambda client: client.templates.get(TEMPLATE)],
    "GET /templates/t/variants": [lambda client: client.variants.list(TEMPLATE)],
    "POST /templates/t/variants": [lambda client: client.variants.create(TEMPLATE, "x")],
    "GET /templates/t/variants/var": [lambda client: client.variants.get(TEMPLATE, VARIANT)],
    "PUT /templates/t/variants/var": [lambda client: client.variants.update(TEMPLATE, VARIANT, "x")],
    "DELETE /templates/t/variants/var": [lambda client: client.variants.delete(TEMPLATE, VARIANT)],
    "GET /webhooks/w": [lambda client: client.webhooks.get(WEBHOOK)],
    "DELETE /webhooks/w": [lambda client: client.webhooks.delete(WEBHOOK)],
    "GET /webhooks/w/deliveries": [lambda client: client.webhooks.get_deliveries(WEBHOOK)],
    "GET /collections/c": [lambda client: client.collections.get(COLLECTION)],
    "PUT /collections/c": [lambda client: client.collections.rename(COLLECTION, "x")],
    "PATCH /collections/c": [lambda client: client.collections.update(COLLECTION, "x")],
    "DELETE /collections/c": [lambda client: client.collections.delete(COLLECTION)],
    "POST /collections/c/assets": [lambda client: client.collections.add_assets(COLLECTION, [ASSETS[0], "a2"])],
    "DELETE /collections/c/assets/a1": [lambda client: client.collections.remove_asset(COLLECTION, ASSETS[0])],
    "GET /collections/c/assets?limit=100&offset=0": [
        lambda client: client.collections.list_assets(COLLECTION),
        lambda client: all_of(client.collections.iterate_assets(COLLECTION)),
    ],
    "GET /assets/a1": [lambda client: client.assets.get(ASSETS[0])],
    "PUT /assets/a1": [lambda client: client.assets.rename(ASSETS[0], "x")],
    "DELETE /assets/a1": [lambda client: client.assets.delete(ASSETS[0])],
    "POST /assets/a1/recover": [lambda client: client.assets.recover(ASSETS[0])],
    "GET /assets?collectionId=c": [lambda client: client.assets.list(collection_id=COLLECTION)],
    "GET /assets/random?fileType=image&collectionId=c&excludeIds=a1%2Ca2": [
        lambda client: client.assets.get_random("image", COLLECTION, ASSETS)
    ],
    "POST /api-keys/k/rotate": [lambda client: client.api_keys.rotate(KEY)],
    "DELETE /api-keys/k": [lambda client: client.api_keys.delete(KEY)],
}


async def all_of(pages: Any) -> List[Any]:
    """Return all items of pages."""
    return [item async for item in pages]


@pytest.mark.parametrize(
    ("sent", "send"),
    [(sent, send) for sent, several in CALLS.items() for send in several],
    ids=[sent for sent, several in CALLS.items() for _ in several],
)
async def test_an_object_stands_for_its_id(sent: str, send: Send) -> None:
    """The request is the one that the id alone makes."""
    client, transport, _ = client_with(ANSWER)

    await send(client)

    assert transport.sent[0] == sent  # a list without a total is read on


@pytest.mark.parametrize(
    "arguments",
    [{"template_id": TEMPLATE, "variant_id": ""}, {"template_id": "", "variant_id": VARIANT}, {"template_id": "x"}],
)
async def test_a_create_takes_objects_and_ignores_empty_ids(arguments: Any) -> None:
    """An id that is an empty text is absent, as in 1.2.0; the other one counts."""
    client, transport, _ = client_with(ANSWER)
    ids = {name: getattr(given, "id", given) for name, given in arguments.items() if given}

    await client.videos.create({"prompt": "p"}, **arguments)

    assert transport.bodies == [{**ids, "context": {"prompt": "p"}}]


async def test_bodies_have_the_ids_of_objects() -> None:
    """Lists of assets and collections are sent as lists of ids; an empty collection id is not sent."""
    client, transport, _ = client_with(ANSWER)

    await client.collections.add_assets(COLLECTION, (ASSETS[0], "a2"))
    await client.assets.upload(file_name="x.png", file_type="image/png", collection_ids=[COLLECTION, "c2"])
    await client.assets.upload([b"x"], "image/png", COLLECTION)
    await client.assets.upload([b"x"], "image/png", "")
    await client.assets.list("", "")

    assert transport.bodies[:2] == [
        {"assetIds": ["a1", "a2"]},
        {"fileName": "x.png", "fileType": "image/png", "collectionIds": ["c", "c2"]},
    ]
    assert [dict(request.fields) for request in transport.requests[2:4]] == [{"collection_id": "c"}, {}]
    assert transport.sent[4] == "GET /assets?fileType="


@pytest.mark.parametrize("wrong", [None, "", " ", 5, WEBHOOK, [VIDEO], b"v"])
async def test_an_object_of_another_kind_is_refused(wrong: Any) -> None:
    """A webhook has an id too, but no video has it: nothing is sent, and the error shows no secret."""
    client, transport, _ = client_with(ANSWER)
    calls: List[Send] = [
        lambda client: client.videos.get(wrong),
        lambda client: client.videos.wait_for(wrong),
        lambda client: client.collections.add_assets("c", [wrong]),
    ]

    for send in calls:
        with pytest.raises(errors.InvalidArgumentError, match=r"(video_id|asset_ids) must be an id") as caught:
            await send(client)
        assert "***" in str(caught.value) or wrong is not WEBHOOK

    assert transport.sent == []


@pytest.mark.parametrize("wrong", ["a1", ASSETS[0], 5])
async def test_a_single_id_is_no_list_of_ids(wrong: Any) -> None:
    """Each letter of a text would be an id."""
    client, transport, _ = client_with(ANSWER)

    with pytest.raises(errors.InvalidArgumentError, match="asset_ids must be a list of ids"):
        await client.collections.add_assets("c", wrong)

    assert transport.sent == []


async def test_generations_stand_for_their_ids(sandbox: Sandbox) -> None:
    """The clients of the Luma providers take a generation wherever they take its id."""
    async with make_client("umami", sandbox) as luma:
        made = await start(luma)
        await sandbox.advance(105)

        read = await luma.generations.get(made)
        done = await luma.generations.wait_for(made)
        longer = await luma.generations.extend(done, "with a hat")

        assert (read.id, done.id, longer.parent_id) == (made.id,) * 3
        with pytest.raises(errors.InvalidArgumentError, match="generation_id must be an id"):
            await luma.generations.get(VIDEO)  # type: ignore[arg-type]  # a video is not a generation


def list_id_parameters() -> Iterator[Tuple[str, str]]:
    """Yield the name and the annotation of every parameter for ids, of all methods of all resources."""
    for client in (AsyncBluma, AsyncLuma):
        for attribute in (name for name, value in vars(client).items() if isinstance(value, Resource)):
            cls: Any = getattr(client, attribute)
            for name, method in inspect.getmembers(cls, inspect.isfunction):
                for parameter in inspect.signature(method).parameters.values():
                    if parameter.name.endswith(("_id", "_ids")):
                        yield f"{cls.__name__}.{name}({parameter.name})", str(parameter.annotation)


def test_every_id_is_annotated_with_its_object() -> None:
    """Type checkers accept the object too; a new method cannot forget it."""
    found = dict(list_id_parameters())

    assert len(found) > 40
    assert [name for name, kind in found.items() if not any(word[0].isupper() for word in kind.split(" | "))] == []

"""`client.request`: endpoints that the SDK does not know, with the promises of every other call."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any, Dict

import pytest

from bluma import Bluma
from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from bluma_async.types import OpenCreateState
from tests.fakes import answer, client_with, list_videos, problem
from tests.live import Live
from tests.servers import reply, serving

CUT = errors.NetworkError("cut")
MADE_AT = "2025-11-03T10:30:30Z"
BODY = {"template_id": "t", "context": {"prompt": "p"}}
QUEUED = {
    "id": "batch_raw",
    "status": "queued",
    "template_id": "t",
    "credits_consumed": 2,
    "created_at": MADE_AT,
}


async def test_a_request_returns_the_json_as_it_was_sent() -> None:
    """No model changes it; an empty body is None."""
    client, transport, _ = client_with(
        answer(200, {"brands": [{"id": 5}], "total": None}), answer(204), answer(200, [])
    )

    assert await client.request("GET", "/brands") == {"brands": [{"id": 5}], "total": None}
    assert await client.request("delete", "/brands/5") is None
    assert await client.request("PATCH", "/brands/5", json={"name": "é", "on": False}) == []
    assert transport.sent == ["GET /brands", "DELETE /brands/5", "PATCH /brands/5"]
    assert transport.bodies[2] == {"name": "é", "on": False}
    headers = transport.requests[2].headers
    assert (headers["Authorization"], headers["Content-Type"]) == ("Bearer bluma_test_key", "application/json")


async def test_a_query_is_encoded() -> None:
    """None is left out, lists repeat their name, booleans and times have the API's form."""
    client, transport, _ = client_with(answer(200, {}))
    noon = datetime(2025, 11, 3, 12, 30, tzinfo=timezone(timedelta(hours=2)))

    await client.request(
        "GET", "/brands", query={"a b": "c&d", "none": None, "ids": ["x", 5], "on": True, "at": noon, "route": 1}
    )

    assert transport.sent == ["GET /brands?a+b=c%26d&ids=x&ids=5&on=true&at=2025-11-03T10%3A30%3A00Z&route=1"]


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/a/b/", "/a/b/"),
        ("/a%2Fb/c", "/a%2Fb/c"),
        ("/bränds/x y", "/br%C3%A4nds/x%20y"),
        ("/a:b@c,d;e=f", "/a:b@c,d;e=f"),
        ("/...", "/..."),
        ("/a/..b", "/a/..b"),
    ],
)
async def test_a_path_is_sent_below_the_base_url(path: str, sent: str) -> None:
    """What is percent-encoded already stays so; other characters are encoded."""
    client, transport, _ = client_with(answer(200, {}))

    await client.request("GET", path)

    assert transport.sent == [f"GET {sent}"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "brands",
        "@evil.example/x",
        ":8080/x",
        "//evil.example/x",
        "https://evil.example/x",
        "/../admin",
        "/a/../../admin",
        "/a/./b",
        "/a/..",
        "/%2e%2e/admin",
        "/a/%2E./admin",
        "/a%2f..%2f../admin",
        "/%252e%252e/admin",
        "/a\\..\\admin",
        "/a%5c..%5cadmin",
        "/a//b",
        "/a?b=c",
        "/a#b",
        "/a%",
        "/a%zz",
        "/a\r\nHost: evil",
        "/a%0d%0aHost: evil",
        "/a\0",
        "/\ud800",
        None,
        b"/a",
    ],
)
async def test_a_path_that_leaves_the_api_is_refused(path: Any) -> None:
    """Another host, another folder or another request: nothing is sent, and the error names the argument."""
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError, match="path must be") as caught:
        await client.request("GET", path)

    assert (caught.value.field, transport.sent) == ("path", [])


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"method": "TRACE"}, "method"),
        ({"method": None}, "method"),
        ({"method": "GET\r\n"}, "method"),
        ({"query": "a=b"}, "query"),
        ({"query": {5: "x"}}, "query"),
        ({"query": {"a": {"b": 1}}}, "query"),
        ({"query": {"a": [["b"]]}}, "query"),
        ({"json": {}}, "json"),
        ({"method": "POST", "json": object()}, "body"),
    ],
)
async def test_an_invalid_argument_is_not_sent(arguments: Dict[str, Any], field: str) -> None:
    """A value that cannot be sent is refused before any request."""
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError) as caught:
        await client.request(**{"method": "GET", "path": "/brands", **arguments})

    assert (caught.value.field, transport.sent) == (field, [])


@pytest.mark.parametrize("failure", [problem(500), problem(503), CUT, errors.NetworkError("no", request_sent=False)])
async def test_only_a_get_is_retried(failure: Any) -> None:
    """An unknown endpoint may cost money: nothing but a GET is sent twice, whatever the options say."""
    options: Dict[str, Any] = {"should_retry": lambda *_: True, "max_retry_after": 60.0, "on_ambiguous": "retry"}

    for method in ("POST", "PUT", "PATCH", "DELETE"):
        client, transport, clock = client_with(failure, answer(200, {}), **options)
        with pytest.raises(errors.BlumaError) as caught:
            await client.request(method, "/brands")
        assert (len(transport.sent), clock.slept, caught.value.attempts) == (1, [], 1)
    client, transport, clock = client_with(failure, answer(200, {"a": 1}))

    assert await client.request("GET", "/brands") == {"a": 1}
    assert (len(transport.sent), clock.slept) == (2, [1])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_no_library_sends_a_change_twice(method: str) -> None:
    """A kept connection that is closed under a request: the HTTP library would send a PUT or a DELETE once more."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        if head.startswith(b"GET"):
            writer.write(reply(b"{}"))
        else:
            writer.close()

    async with serving(serve) as (base_url, heads), AsyncBluma("bluma_test_key", base_url) as client:
        await client.request("GET", "/x")
        with pytest.raises(errors.NetworkError) as caught:
            await client.request(method, "/y")

    assert [head.split(b" ")[0].decode() for head in heads] == ["GET", method]
    assert (caught.value.request_sent, caught.value.attempts) == (True, 1)


async def test_errors_are_those_of_every_call() -> None:
    """Errors by status, with the details of the body; a body that is not JSON is an error too."""
    client, _, _ = client_with(problem(404, detail="No brand."), answer(200, b"<html>"))

    with pytest.raises(errors.NotFoundError, match="No brand"):
        await client.request("GET", "/brands/x")
    with pytest.raises(errors.ServerError, match="cannot be read"):
        await client.with_options(max_retries=0).request("GET", "/brands/x")


async def test_a_create_is_sent_once_and_never_forgotten() -> None:
    """`POST /videos` by hand is a create: a lost answer is in doubt, is listed as open, and can be settled."""
    client, transport, _ = client_with(CUT, list_videos(("batch_raw", MADE_AT)))

    with pytest.raises(errors.NetworkError) as caught:
        await client.with_options(on_ambiguous="raise").request("post", "/%76ideos/", json=BODY)
    (created,) = client.open_creates

    assert isinstance(caught.value, errors.AmbiguousCreateError)
    assert (caught.value.template_id, created.state, len(transport.sent)) == ("t", OpenCreateState.UNCERTAIN, 1)
    (settled,) = await client.settle()
    assert (settled.result, [video.id for video in settled.candidates]) == ("in_doubt", ["batch_raw"])


async def test_a_create_by_hand_explains_its_video() -> None:
    """Its video is never taken for that of a lost create beside it; the JSON is returned unchanged."""
    client, transport, _ = client_with(
        answer(202, QUEUED), CUT, list_videos(("batch_raw", MADE_AT)), exclusive=True, max_retries=0
    )

    assert await client.request("POST", "/videos", json=BODY) == QUEUED
    with pytest.raises(errors.NetworkError) as lost:
        await client.videos.create(**BODY)

    assert (lost.value.not_accepted, client.open_creates) == (True, [])
    assert [sent.split("?")[0] for sent in transport.sent] == [
        "POST /videos",
        "POST /videos",
        "GET /videos",
        "GET /videos",
    ]


async def test_requests_of_the_sandbox(sandbox: Sandbox, client: AsyncBluma) -> None:
    """A known endpoint answers by hand as it does by its method."""
    listed = await client.request("GET", "/videos", query={"limit": 5})
    made = await client.request("POST", "/videos", json={**BODY, "template_id": "ugc-text-overlay"})

    assert listed["pagination"]["limit"] == 5
    assert (await client.videos.get(made["id"])).template_id == "ugc-text-overlay"
    assert client.open_creates == []


def test_the_blocking_client_sends_requests_too() -> None:
    """The twin has the same method."""
    with Live() as live, Bluma(live.live_key, live.base_url) as client:
        assert client.request("GET", "/templates")["total"] == 5
        with pytest.raises(errors.InvalidArgumentError):
            client.request("GET", "templates")

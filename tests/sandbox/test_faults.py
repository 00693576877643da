"""Faults: the effect of each kind, down to the socket."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import JOB, Plain


@pytest.mark.parametrize(("kind", "jobs"), [("drop_before", 0), ("drop_after", 1)])
async def test_the_connection_is_cut_before_or_after_the_create(plain: Plain, kind: str, jobs: int) -> None:
    """There is no answer; the ledger shows whether the video was created, and the request log has no status."""
    plain.sandbox.faults.add("POST /videos", kind)

    with pytest.raises(aiohttp.ClientError):
        await plain("POST", "/videos", JOB)

    assert plain.sandbox.state()["billed"] == jobs
    assert plain.sandbox.requests[-1].status is None
    assert (await plain("POST", "/videos", JOB))[0] == 202


async def test_a_silent_answer_never_arrives(plain: Plain) -> None:
    """The video is created, and the client waits until it gives up."""
    plain.sandbox.faults.add("POST /videos", "silent")

    with pytest.raises(asyncio.TimeoutError):
        await plain("POST", "/videos", JOB, timeout=aiohttp.ClientTimeout(total=0.1))

    assert plain.sandbox.state()["billed"] == 1


async def test_a_delayed_create_is_billed_although_its_client_has_left(plain: Plain, caplog: Any) -> None:
    """The server is only slow: it has the whole request. The request log has no status, and nothing is logged."""
    handled = asyncio.Event()
    plain.sandbox.watch(lambda _: handled.set())
    plain.sandbox.faults.add("POST /videos", "delay", seconds=0.2)

    with pytest.raises(asyncio.TimeoutError):
        await plain("POST", "/videos", JOB, timeout=aiohttp.ClientTimeout(total=0.1))
    await handled.wait()

    assert (plain.sandbox.state()["billed"], plain.sandbox.requests[-1].status) == (1, None)
    assert caplog.text == ""


async def test_a_client_that_leaves_within_a_delayed_request_is_no_error(plain: Plain, caplog: Any) -> None:
    """Only a part of the body was sent: nothing is billed, and nothing is logged."""
    handled = asyncio.Event()
    plain.sandbox.watch(lambda _: handled.set())
    plain.sandbox.faults.add("POST /videos", "delay", seconds=0)
    url = urlsplit(plain.sandbox.base_url)
    head = f"POST {url.path}/videos HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {plain.sandbox.live_key}\r\n"
    _, writer = await asyncio.open_connection(url.hostname, url.port)

    writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    await writer.drain()
    while plain.sandbox.faults.active:
        await asyncio.sleep(0)
    writer.close()
    await handled.wait()
    await plain("GET", "/templates")  # so that the first request has ended

    assert (plain.sandbox.state()["billed"], caplog.text) == (0, "")


async def test_a_silent_connection_does_not_delay_the_stop() -> None:
    """A sandbox that stops closes the connections that it holds without an answer."""
    async with aiohttp.ClientSession() as session:
        async with Sandbox(render=False) as sandbox:
            plain = Plain(session, sandbox)
            sandbox.faults.add("*", "silent", times=None)
            waiting = asyncio.ensure_future(plain("GET", "/templates"))
            while not session.connector._acquired:  # type: ignore[union-attr]  # until it is connected
                await asyncio.sleep(0)
            await asyncio.sleep(0.05)
        with pytest.raises(aiohttp.ClientError):
            await waiting


async def test_a_status_is_answered_with_its_body_and_headers(plain: Plain) -> None:
    """The status is answered `times` times after `skip` requests, with its Retry-After and body."""
    plain.sandbox.faults.add("GET /templates", "status", status=503, retry_after=7, times=2, skip=1, body={"a": 1})

    answers = [await plain("GET", "/templates") for _ in range(4)]

    assert [status for status, _, _ in answers] == [200, 503, 503, 200]
    assert (answers[1][1], answers[1][2]["Retry-After"]) == ({"a": 1}, "7")


async def test_answers_are_damaged(plain: Plain) -> None:
    """Invalid JSON, HTML, an error that is a string, and an unknown status of a video."""
    made = await plain.make()
    for kind in ("not_json", "html", "string_error", "new_status"):
        plain.sandbox.faults.add("GET /videos/{id}", kind)

    with pytest.raises(ValueError, match="Expecting"):
        await plain("GET", f"/videos/{made['id']}")
    page = await plain("GET", f"/videos/{made['id']}")
    bare = await plain("GET", f"/videos/{made['id']}")
    new = await plain("GET", f"/videos/{made['id']}")

    assert (page[0], page[1][:6]) == (500, b"<html>")
    assert (bare[0], bare[1]) == (500, {"error": "Something went wrong"})
    assert (new[0], new[1]["status"]) == (200, "rescheduled")


async def test_bodies_trickle_and_are_truncated(plain: Plain) -> None:
    """A trickled body arrives complete, byte by byte; a truncated body is shorter than its Content-Length."""
    plain.sandbox.faults.add("GET /templates/{}", "trickle", seconds=0)
    plain.sandbox.faults.add("GET /templates/meme-dialogue", "truncate", after=5)

    whole = await plain("GET", "/templates/cat-explainer-v2")

    assert whole[1]["id"] == "cat-explainer-v2"
    with pytest.raises(aiohttp.ClientPayloadError):
        await plain("GET", "/templates/meme-dialogue")


async def test_delays_and_failed_renders(sandbox: Sandbox, plain: Plain) -> None:
    """A delayed answer arrives, and a render fails on request."""
    sandbox.faults.add("POST /videos", "delay", seconds=0.001)
    sandbox.faults.add("POST /videos", "fail_render")
    fine, broken = await plain.make(), await plain.make()
    await sandbox.advance(105)

    states = [(await plain("GET", f"/videos/{made['id']}"))[1]["status"] for made in (fine, broken)]

    assert states == ["completed", "failed"]


@pytest.mark.parametrize(
    ("route", "kind", "details"),
    [
        ("POST /nothing", "status", {}),
        ("POST", "status", {}),
        ("POST /videos", "explode", {}),
        ("POST /videos", "status", {"statuss": 1}),
        ("POST /videos", "status", {"times": -1}),
        ("POST /videos", "status", {"skip": "x"}),
        ("webhooks", "status", {}),
    ],
)
async def test_invalid_faults_are_rejected(plain: Plain, route: str, kind: str, details: Any) -> None:
    """An unknown route, kind or option, or a negative number, is an error in Python and over HTTP."""
    with pytest.raises(ValueError, match=r"There is no|must be"):
        plain.sandbox.faults.add(route, kind, **details)

    status, answer, _ = await plain("POST", "/_sandbox/faults", {"route": route, "kind": kind, **details})

    assert (status, answer["error"]["validation_errors"][0]["field"]) == (400, "fault")

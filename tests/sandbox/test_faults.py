"""Faults, down to the socket, and the surface that controls them."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import Plain

JOB = {"template_id": "ugc-text-overlay", "context": {"prompt": "x"}}


@pytest.mark.parametrize(("kind", "jobs"), [("drop_before", 0), ("drop_after", 1)])
async def test_cuts_come_before_or_after_the_deed(plain: Plain, kind: str, jobs: int) -> None:
    """A cut has no answer; what was done is in the ledger, and the journal knows."""
    plain.sandbox.faults.add("POST /videos", kind)

    with pytest.raises(aiohttp.ClientError):
        await plain("POST", "/videos", JOB)

    assert plain.sandbox.state()["billed"] == jobs
    assert plain.sandbox.requests[-1].status is None
    assert (await plain("POST", "/videos", JOB))[0] == 202


async def test_silence_is_done_and_never_answered(plain: Plain) -> None:
    """The job is made, and the client waits until it goes."""
    plain.sandbox.faults.add("POST /videos", "silent")

    with pytest.raises(asyncio.TimeoutError):
        await plain("POST", "/videos", JOB, timeout=aiohttp.ClientTimeout(total=0.1))

    assert plain.sandbox.state()["billed"] == 1


async def test_a_held_connection_does_not_hold_the_end() -> None:
    """A sandbox that is stopped lets go of those it keeps waiting."""
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


async def test_statuses_with_everything_that_goes_with_them(plain: Plain) -> None:
    """A status comes as often as asked, after those let pass, with its Retry-After and body."""
    plain.sandbox.faults.add("GET /templates", "status", status=503, retry_after=7, times=2, skip=1, body={"a": 1})

    answers = [await plain("GET", "/templates") for _ in range(4)]

    assert [status for status, _, _ in answers] == [200, 503, 503, 200]
    assert (answers[1][1], answers[1][2]["Retry-After"]) == ({"a": 1}, "7")


async def test_answers_are_bent(plain: Plain) -> None:
    """Garbage, HTML, bare strings, unknown statuses."""
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


async def test_bodies_trickle_and_break_off(plain: Plain) -> None:
    """A trickled body comes byte by byte and whole; a truncated one is short of its promise."""
    plain.sandbox.faults.add("GET /templates/{}", "trickle", seconds=0)
    plain.sandbox.faults.add("GET /templates/meme-dialogue", "truncate", after=5)

    whole = await plain("GET", "/templates/cat-explainer-v2")

    assert whole[1]["id"] == "cat-explainer-v2"
    with pytest.raises(aiohttp.ClientPayloadError):
        await plain("GET", "/templates/meme-dialogue")


async def test_delays_and_failed_renders(sandbox: Sandbox, plain: Plain) -> None:
    """A delayed answer comes, and a render fails on request."""
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
async def test_faults_that_cannot_be_are_refused(plain: Plain, route: str, kind: str, details: Any) -> None:
    """A wrong fault says what there is, in Python and over HTTP."""
    with pytest.raises(ValueError, match=r"There is no|must be"):
        plain.sandbox.faults.add(route, kind, **details)

    status, answer, _ = await plain("POST", "/_sandbox/faults", {"route": route, "kind": kind, **details})

    assert (status, answer["error"]["validation_errors"][0]["field"]) == (400, "fault")


async def test_the_control_surface(sandbox: Sandbox, plain: Plain) -> None:
    """State, requests, ledger, faults and clock over HTTP, without a key."""
    plain.key = None
    added = await plain("POST", "/_sandbox/faults", {"route": "POST /videos", "kind": "status", "times": None})
    plain.key = sandbox.live_key
    failed = await plain("POST", "/videos", JOB)
    cleared = await plain("DELETE", "/_sandbox/faults")
    made = await plain.make()
    moved = await plain("POST", "/_sandbox/clock", {"advance": 105})
    _, video, _ = await plain("GET", f"/videos/{made['id']}")
    _, state, _ = await plain("GET", "/_sandbox/state")
    _, requests, _ = await plain("GET", "/_sandbox/requests")
    await plain("DELETE", "/_sandbox/requests")

    assert (added[0], added[1]["times"], failed[0], cleared[0], moved[0]) == (201, None, 500, 200, 200)
    assert video["status"] == "completed"
    assert state == {
        "clock": moved[1]["clock"],
        "jobs": {"test": 0, "live": 1},
        "billed": 1,
        "credits": 498,
        "requests": 3,
    }
    assert [(row["method"], row["path"], row["status"], row["key"]) for row in requests["requests"]] == [
        ("POST", "/api/v1/videos", 500, None),
        ("POST", "/api/v1/videos", 202, "live"),
        ("GET", f"/api/v1/videos/{made['id']}", 200, "live"),
    ]
    assert (await plain("GET", "/_sandbox/requests"))[1] == {"requests": []}
    assert (await plain("POST", "/_sandbox/clock", {"advance": -1}))[0] == 400
    assert (await plain("POST", "/_sandbox/clock", {"advance": "x"}))[0] == 400


async def test_a_real_clock_is_not_moved_over_http() -> None:
    """Only a manual clock can be moved."""
    async with Sandbox(render=False) as sandbox, aiohttp.ClientSession() as session:
        status, answer, _ = await Plain(session, sandbox)("POST", "/_sandbox/clock", {"advance": 1})

    assert (status, "manual" in answer["error"]["detail"]) == (400, True)


async def test_the_control_surface_stays_on_loopback() -> None:
    """On another address it is not served, unless that is asked for."""
    codes = []
    for allowed in (False, True):
        wide = Sandbox(host="0.0.0.0", render=False, allow_remote_control=allowed)
        async with wide as sandbox, aiohttp.ClientSession() as session:
            sandbox.origin = sandbox.origin.replace("0.0.0.0", "127.0.0.1")
            codes.append((await Plain(session, sandbox)("GET", "/_sandbox/state"))[0])

    assert codes == [404, 200]

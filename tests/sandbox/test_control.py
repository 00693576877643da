"""The control surface `/_sandbox`."""

from __future__ import annotations

import aiohttp

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import JOB, Plain


async def test_the_control_surface_inspects_and_controls(sandbox: Sandbox, plain: Plain) -> None:
    """State, requests, faults and clock over HTTP, without a key."""
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
        "uncommitted": 0,
        "strangers": {"jobs": {"test": 0, "live": 0}, "billed": 0},
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
    """On another address it is served only with `allow_remote_control`."""
    codes = []
    for allowed in (False, True):
        wide = Sandbox(host="0.0.0.0", render=False, allow_remote_control=allowed)
        async with wide as sandbox, aiohttp.ClientSession() as session:
            sandbox.origin = sandbox.origin.replace("0.0.0.0", "127.0.0.1")
            codes.append((await Plain(session, sandbox)("GET", "/_sandbox/state"))[0])

    assert codes == [404, 200]

"""Web pages cannot use the sandbox of the person who visits them: neither across sites nor by DNS rebinding."""

from __future__ import annotations

from typing import Any, Dict

import aiohttp
import pytest

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import Plain

FAULT = {"route": "POST /videos", "kind": "status"}


async def add_fault(plain: Plain, **headers: str) -> int:
    """Return the status of the answer to a request that adds a fault."""
    return (await plain("POST", "/_sandbox/faults", FAULT, headers=headers))[0]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_the_control_surface_takes_json_only(sandbox: Sandbox, plain: Plain, kind: str) -> None:
    """A page can send these types to another site without asking, so they are a 415, and nothing is changed."""
    body = b'{"route": "POST /videos", "kind": "status"}'

    status, answer, _ = await plain("POST", "/_sandbox/faults", data=body, headers={"Content-Type": kind})

    assert (status, "application/json" in answer["error"]["detail"]) == (415, True)
    assert (await plain.make())["status"] == "queued"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "null"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
async def test_other_sites_cannot_use_the_control_surface(plain: Plain, headers: Dict[str, str]) -> None:
    """A request that a page of another origin sent is a 403, also if it only reads; nothing is changed."""
    statuses = [
        (await plain(method, path, body, headers=headers))[0]
        for method, path, body in (
            ("POST", "/_sandbox/faults", FAULT),
            ("POST", "/_sandbox/clock", {"advance": 1}),
            ("DELETE", "/_sandbox/requests", None),
            ("GET", "/_sandbox/state", None),
        )
    ]

    assert statuses == [403] * 4
    assert (await plain.make())["status"] == "queued"


async def test_programs_and_own_pages_can_use_the_control_surface(sandbox: Sandbox, plain: Plain) -> None:
    """A program sends neither header, an address bar `none`, and a page of the sandbox its own origin."""
    assert await add_fault(plain) == 201
    assert await add_fault(plain, **{"Sec-Fetch-Site": "none"}) == 201
    assert await add_fault(plain, **{"Sec-Fetch-Site": "same-origin", "Origin": sandbox.origin}) == 201


async def call_as(plain: Plain, host: str, path: str = "/templates") -> Any:
    """Return status and body of a request with this Host header."""
    status, answer, _ = await plain("GET", path, headers={"Host": host})
    return status, answer


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:5001", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "a@localhost",
     "localhost/x", "[::2]", "", "notlocalhost"],
)  # fmt: skip
async def test_a_name_of_another_machine_is_not_served(sandbox: Sandbox, plain: Plain, host: str) -> None:
    """A page whose name is rebound to loopback sends its own name as Host: every path is a 421."""
    video = (await plain.make())["id"]
    for path in ("/templates", f"/videos/{video}", "/_sandbox/state", f"{sandbox.origin}/cdn/videos/{video}.mp4"):
        status, answer = await call_as(plain, host, path)

        assert (status, answer["error"]["status"], "allowed_hosts" in answer["error"]["detail"]) == (421, 421, True)
    assert [record.path for record in sandbox.requests] == ["/api/v1/videos"]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1:5001", "127.8.9.1", "[::1]:5001", "app.localhost", "localhost."]
)
async def test_every_name_of_loopback_is_served(plain: Plain, host: str) -> None:
    """Ports are not compared, because a forwarded port has another number."""
    assert (await call_as(plain, host))[0] == 200


async def test_further_names_can_be_allowed(plain: Plain) -> None:
    """A container or a tunnel has a name of its own."""
    async with Sandbox(render=False, allowed_hosts=["Sandbox.test", "10.0.0.1"]) as sandbox:
        plain.sandbox = sandbox
        statuses = [(await call_as(plain, host))[0] for host in ("sandbox.test:5001", "10.0.0.1", "other.test")]

    assert statuses == [200, 200, 421]


async def test_a_sandbox_for_other_machines_serves_addresses_and_its_own_name(plain: Plain) -> None:
    """A rebound page has a name, never an address; so any address is served, but no name that is not allowed."""
    async with Sandbox(host="0.0.0.0", render=False) as sandbox, aiohttp.ClientSession() as session:
        sandbox.origin = sandbox.origin.replace("0.0.0.0", "127.0.0.1")
        wide = Plain(session, sandbox)
        statuses = [(await call_as(wide, host))[0] for host in ("192.168.1.7", "[fd00::7]:5001", "evil.example")]

    assert statuses == [200, 200, 421]

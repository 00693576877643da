"""Where events and callbacks may go: a URL in a request gives its sender no reach that the sender does not have."""

from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, Dict, List

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.destinations import Destinations
from bluma_async.sandbox.events import Outcome
from tests.sandbox.conftest import JOB, Inbox, Plain

PRIVATE = ["http://127.0.0.1:8080/x", "http://localhost:8080/x", "http://10.0.0.7/x", "http://[fd00::7]/x"]


def mute(sandbox: Sandbox) -> None:
    """Let every delivery succeed without a request, so that no test leaves loopback."""
    sandbox._running.events.send = lambda delivery: delivery.done(Outcome(200, 0, None))


async def create(plain: Plain, url: str) -> Any:
    """Create a video with this `webhook_url`; return the status, and the message about the field if it was refused."""
    status, answer, _ = await plain("POST", "/videos", {**JOB, "webhook_url": url})
    errors = answer.get("error", {}).get("validation_errors", [{"field": None, "message": ""}])
    assert errors[0]["field"] == ("webhook_url" if status == 400 else None)
    return status, errors[0]["message"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:6379/x", "Redis"),
        ("http://localhost:5432/x", "PostgreSQL"),
        ("https://db.example:22/x", "SSH"),
        ("http://169.254.169.254/latest", "link-local"),
        ("http://[fe80::1]/x", "link-local"),
        ("http://[::ffff:169.254.169.254]/x", "link-local"),
        ("http://224.0.0.1/x", "multicast"),
        ("http://localhost:OWN/_sandbox/faults", "sandbox itself"),
        ("http://127.0.0.2:OWN/api/v1/videos", "sandbox itself"),
        ("http://0.0.0.0:OWN/x", "sandbox itself"),
        ("http://[::1]:OWN/x", "sandbox itself"),
        ("http://[::ffff:127.0.0.1]:OWN/x", "sandbox itself"),
    ],
)
async def test_no_event_goes_to_a_service(sandbox: Sandbox, plain: Plain, url: str, reason: str) -> None:
    """Ports of databases and the like, link-local addresses, and the sandbox itself are a 400, and create nothing."""
    status, message = await create(plain, url.replace("OWN", sandbox.origin.rsplit(":", 1)[1]))

    assert (status, reason in message) == (400, True), message
    assert sandbox.state()["jobs"]["live"] == 0


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/x", "http://localhost/x", "https://hooks.example/x"])
async def test_tests_on_this_machine_get_events(sandbox: Sandbox, plain: Plain, url: str) -> None:
    """A sandbox on loopback sends to loopback, where its users have their endpoints."""
    mute(sandbox)

    assert (await create(plain, url))[0] == 202


async def test_webhooks_and_callbacks_have_the_same_rule(sandbox: Sandbox, plain: Plain) -> None:
    """Registered webhooks, kie.ai's `callBackUrl` and V-API's `notify_hook` are checked too."""
    url, key = "http://localhost:6379/x", {"Authorization": f"Bearer {plain.key}"}
    hook = await plain("POST", "/webhooks", {"url": url, "events": ["video.queued"]})
    kie: Dict[str, Any] = {"prompt": "x", "videoUrl": "https://x/y.mp4", "callBackUrl": url}
    modified = await plain("POST", sandbox.luma_url("kie") + "/api/v1/modify/generate", kie, headers=key)
    made = await plain(
        "POST", sandbox.luma_url("vapi") + "/luma/generations", {"user_prompt": "x", "notify_hook": url}, headers=key
    )

    assert (hook[0], hook[1]["error"]["validation_errors"][0]["field"]) == (400, "url")
    assert (modified[0], modified[1]["code"], "Redis" in modified[1]["msg"]) == (200, 422, True)
    assert (made[0], "Redis" in str(made[1])) == (400, True)
    assert sandbox.state()["jobs"]["live"] == 0


async def test_only_listed_hosts_get_events(plain: Plain, inbox: Inbox) -> None:
    """With `webhook_hosts` every other host is a 400; an entry is a host with any port, or with one."""
    async with Sandbox(render=False, webhook_hosts=["hooks.example", "127.0.0.1:8080"]) as sandbox:
        plain.sandbox = sandbox
        mute(sandbox)
        urls = ["https://hooks.example/x", "https://hooks.example:8443/x", "http://127.0.0.1:8080/x"]
        allowed = [(await create(plain, url))[0] for url in urls]
        refused = [await create(plain, url) for url in (inbox.url, "https://other.example/x")]

    assert allowed == [202] * 3
    assert [status for status, _ in refused] == [400] * 2
    assert "webhook_hosts" in refused[0][1]


async def test_a_sandbox_for_other_machines_reaches_nothing_private(plain: Plain, inbox: Inbox) -> None:
    """Whoever sends it a request may be elsewhere, so private addresses need to be listed."""
    settings: Any = {"host": "0.0.0.0", "clock": "manual", "render": False}
    listed = inbox.url.split("/")[2]
    async with Sandbox(**settings) as sandbox, Sandbox(**settings, webhook_hosts=[listed]) as other:
        for each in (sandbox, other):
            each.origin = each.origin.replace("0.0.0.0", "127.0.0.1")
        plain.sandbox = sandbox
        mute(sandbox)
        refused = [await create(plain, url) for url in (*PRIVATE, inbox.url)]
        public = await create(plain, "https://93.184.216.34/x")
        plain.sandbox = other
        accepted = await create(plain, inbox.url)
        await other.advance(0)

    assert [status for status, _ in refused] == [400] * 5
    assert "private" in refused[0][1]
    assert (public[0], accepted[0], len(inbox.received)) == (202, 202, 1)


async def test_an_address_is_checked_when_it_is_connected(sandbox: Sandbox, plain: Plain) -> None:
    """An old spelling of 127.0.0.1 looks like a name and is accepted; the delivery is refused, and the log says why."""
    port = sandbox.origin.rsplit(":", 1)[1]
    body = {"url": f"https://0x7f000001:{port}/_sandbox/faults", "events": ["video.queued"]}
    hook = (await plain("POST", "/webhooks", body))[1]
    await plain.make()
    await sandbox.advance(0)

    (attempt,) = (await plain("GET", f"/webhooks/{hook['id']}/deliveries"))[1]["deliveries"]

    assert (attempt["status_code"], "sandbox itself" in attempt["error_message"]) == (0, True), attempt


class Names(AbstractResolver):
    """Resolves every name to one address."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> List[Any]:
        return [{"hostname": host, "host": self._address, "port": port, "family": 2, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        """Close nothing."""


@pytest.mark.parametrize(("address", "host"), [("169.254.169.254", "127.0.0.1"), ("10.0.0.7", "0.0.0.0")])
async def test_a_name_that_resolves_to_a_refused_address_is_not_connected(address: str, host: str) -> None:
    """The rule holds for the address that a name has at that moment."""
    destinations = Destinations(Sandbox(host=host).settings)
    async with aiohttp.ClientSession(connector=destinations.make_connector(Names(address))) as session:
        with pytest.raises(aiohttp.ClientConnectorError, match="must not be"):
            await session.post("http://hooks.example/x")

    assert destinations.find_problem("http://hooks.example/x") is None


@pytest.fixture
async def redirecting(inbox: Inbox) -> AsyncIterator[str]:
    """Provide an endpoint that redirects to the inbox."""

    async def redirect(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": inbox.url})

    app = web.Application()
    app.router.add_post("/hook", redirect)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    await runner.cleanup()


async def test_no_redirect_is_followed(sandbox: Sandbox, plain: Plain, inbox: Inbox, redirecting: str) -> None:
    """A redirect would lead past every rule."""
    assert (await create(plain, redirecting))[0] == 202
    await sandbox.advance(0)
    await asyncio.sleep(0)

    assert inbox.received == []

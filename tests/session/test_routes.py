"""Redirects, proxies and netrc: where a request goes, and that the key does not go elsewhere."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, Optional

import pytest
from yarl import URL

from bluma_async import errors
from bluma_async._session.redirects import find_target
from tests.servers import Serve, client_for, reply, serving, well
from tests.tracebacks import find_shown


def redirecting(location: str, *, then: str = "") -> Serve:
    """Return a server that redirects each request, except for those to the path `then`."""

    async def serve(_: Any, writer: asyncio.StreamWriter, head: bytes) -> None:
        moved = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\n".encode()
        writer.write(reply() if then and f"GET {then} ".encode() in head else reply(b"", moved))
        await writer.drain()

    return serve


async def test_a_read_follows_a_redirect_within_its_origin() -> None:
    """The same origin is the same party: it gets the whole request again."""
    async with serving(redirecting("/there?x=1#y", then="/there?x=1")) as (base, heads), client_for(base) as client:
        video = await client.videos.get("batch_1")

    assert video.id == "batch_1"
    assert [head.split()[1] for head in heads] == [b"/videos/batch_1", b"/there?x=1"]
    assert b"Authorization: Bearer bluma_test_key" in heads[1]


async def test_a_redirect_to_another_origin_is_not_followed() -> None:
    """Another origin is another party: it gets no header, and its JSON does not pass for the API's."""
    async with serving(well) as (other, heads):
        elsewhere = other.replace("//", "//user:s3cretpw@") + "/elsewhere?signature=SECRET"
        async with serving(redirecting(elsewhere)) as (base, own), client_for(
            base, default_headers={"X-Gateway-Token": "token"}
        ) as client:
            with pytest.raises(errors.APIError, match=f"It redirects to {other}/elsewhere. Only reads") as caught:
                await client.videos.get("batch_1")

    assert (len(own), heads) == (1, [])
    assert (caught.value.status, caught.value.http_status) == (502, 307)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "location", ["ftp://x/", "http://[bad", "mailto:x", "http://:0", "/a\tb", "http://u:p@127.0.0.1/"]
)
async def test_an_invalid_redirect_is_no_answer_and_is_not_tried_again(location: str) -> None:
    """The server has answered, so this is no failure of the network."""
    async with serving(redirecting(location)) as (base, heads), client_for(base) as client:
        with pytest.raises(errors.APIError, match="307 Temporary Redirect") as caught:
            await client.with_options(max_retries=3).videos.get("batch_1")

    assert (caught.value.status, caught.value.http_status, len(heads)) == (502, 307, 1)


async def test_an_endless_redirect_ends() -> None:
    """It is followed ten times, and then reported as the answer."""
    async with serving(redirecting("/again")) as (base, heads), client_for(base) as client:
        with pytest.raises(errors.APIError, match="It redirects to /again"):
            await client.videos.get("batch_1")

    assert len(heads) == 11


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("http://api.test/a", "https://api.test/b", "https://api.test/b"),
        ("http://api.test:8080/a", "https://api.test/b", None),
        ("http://api.test/a", "https://api.test:8443/b", None),
        ("https://api.test/a", "http://api.test/b", None),
        ("https://api.test/a", "https://api.test:443/b", "https://api.test:443/b"),
        ("https://api.test/a", "https://api.test.evil/b", None),
        ("https://api.test/a", "", None),
    ],
)
def test_a_host_may_redirect_to_its_encrypted_self(url: str, location: str, target: Optional[str]) -> None:
    """From http to https on the same host, as sites do for all requests; never back, and to no other port."""
    response: Any = SimpleNamespace(status=301, headers={"Location": location})

    found = find_target("GET", URL(url), response)

    assert found == (None if target is None else URL(target))
    assert find_target("POST", URL(url), response) is None


async def test_a_redirected_change_is_not_sent_again() -> None:
    """A redirected POST raises an error: to send it again could be a second create."""
    async with serving(redirecting("/x")) as (base, heads), client_for(base) as client:
        with pytest.raises(errors.APIError) as caught:
            await client.collections.create("x")

    assert (caught.value.status, caught.value.http_status) == (502, 307)
    assert len(heads) == 1


async def test_proxies_come_from_the_argument_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy gets the whole URL; NO_PROXY and `trust_env=False` bypass it."""
    async with serving(well) as (proxy, heads):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        async with client_for("http://api.test/environment") as client:
            await client.videos.get("batch_1")
            await client.videos.get("batch_1")
        async with client_for("http://api.test/argument", proxy=proxy, trust_env=False) as client:
            await client.videos.get("batch_1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with client_for(proxy) as client:
            await client.videos.get("batch_1")

    assert [head.split()[1] for head in heads] == [
        b"http://api.test/environment/videos/batch_1",
        b"http://api.test/environment/videos/batch_1",
        b"http://api.test/argument/videos/batch_1",
        b"/videos/batch_1",
    ]


@pytest.mark.parametrize("end", ["", "/"])
async def test_a_proxy_of_the_environment_needs_no_scheme(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other programs take `host:port` too."""
    async with serving(well) as (proxy, heads):
        monkeypatch.setenv("HTTP_PROXY", proxy.replace("http://", "user:word@") + end)
        async with client_for("http://api.test") as client:
            await client.videos.get("batch_1")

    assert [head.split()[1] for head in heads] == [b"http://api.test/videos/batch_1"]
    assert b"Proxy-Authorization: Basic" in heads[0]


@pytest.mark.parametrize("call", ["get", "create"])
async def test_the_password_of_a_proxy_is_not_shown(call: str, caplog: pytest.LogCaptureFixture) -> None:
    """A proxy that refuses to connect has passed nothing on; errors and the log do not have its URL."""

    async def refuse(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(reply(b"", b"HTTP/1.1 407 Proxy Authentication Required\r\n"))
        await writer.drain()

    async with serving(refuse) as (proxy, heads):
        named = proxy.replace("//", "//user:s3cretpw@")
        async with client_for("https://api.test", proxy=named).with_options(max_retries=1, retry_delay=0) as client:
            with caplog.at_level("DEBUG", logger="bluma"), pytest.raises(errors.NetworkError) as caught:
                await (client.videos.get("batch_1") if call == "get" else client.collections.create("x" * 2**20))

    assert [head.split()[0] for head in heads] == [b"CONNECT", b"CONNECT"]
    assert "the proxy did not connect to the server, and answered 407 Proxy Authentication Required. The" in str(
        caught.value
    )
    assert not caught.value.request_sent
    assert find_shown(caught.value, "s3cretpw") == []
    assert "s3cretpw" not in caplog.text


async def test_the_password_of_an_invalid_proxy_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable to correct, and not its value."""
    monkeypatch.setenv("HTTP_PROXY", "socks5://user:s3cretpw@127.0.0.1")

    async with client_for("http://api.test") as client:
        with pytest.raises(errors.InvalidArgumentError, match="HTTP_PROXY") as caught:
            await client.videos.get("batch_1")

    assert find_shown(caught.value, "s3cretpw") == []


async def test_netrc_does_not_replace_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Credentials for the host in ~/.netrc are not sent in place of the key."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))

    async with serving(well) as (base, heads), client_for(base) as client:
        await client.videos.get("batch_1")

    assert b"Authorization: Bearer bluma_test_key" in heads[0]

"""Redirects, proxies and netrc: where a request goes, and that the key does not go elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bluma_async import errors
from tests.servers import client_for, reply, serving, well


async def test_a_redirect_to_another_origin_loses_the_key() -> None:
    """Another origin is another party and never gets the key; the same origin does."""
    async with serving(well) as (other, heads):

        async def moved(_: Any, writer: asyncio.StreamWriter, head: bytes) -> None:
            target = b"/there" if b"/here" in head else other.encode() + b"/elsewhere"
            if b"/there" in head:
                writer.write(reply())
            else:
                writer.write(b"HTTP/1.1 302 Found\r\nLocation: " + target + b"\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

        async with serving(moved) as (base, own), client_for(base) as client:
            await client.videos.get("batch_1")
            await client.with_options(base_url=base + "/here").videos.get("batch_1")

    assert heads[0].startswith(b"GET /elsewhere")
    assert b"Authorization" not in heads[0]
    assert own[2].startswith(b"GET /there")
    assert b"Authorization: Bearer bluma_test_key" in own[2]


async def test_a_redirected_change_is_not_sent_again() -> None:
    """A redirected POST raises an error: to send it again could be a second create."""

    async def moved(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with serving(moved) as (base, heads), client_for(base) as client:
        with pytest.raises(errors.APIError) as caught:
            await client.collections.create("x")

    assert caught.value.status == 307
    assert len(heads) == 1


async def test_proxies_come_from_the_argument_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy gets the whole URL; NO_PROXY and `trust_env=False` bypass it."""
    async with serving(well) as (proxy, heads):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        async with client_for("http://api.test/v1") as client:
            await client.videos.get("from_environment")
            await client.videos.get("again")
        async with client_for("http://api.test/v1", proxy=proxy, trust_env=False) as client:
            await client.videos.get("from_argument")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with client_for(proxy) as client:
            await client.videos.get("direct")

    assert [head.split()[1] for head in heads] == [
        b"http://api.test/v1/videos/from_environment",
        b"http://api.test/v1/videos/again",
        b"http://api.test/v1/videos/from_argument",
        b"/videos/direct",
    ]


async def test_netrc_does_not_replace_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Credentials for the host in ~/.netrc are not sent in place of the key."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))

    async with serving(well) as (base, heads), client_for(base) as client:
        await client.videos.get("batch_1")

    assert b"Authorization: Bearer bluma_test_key" in heads[0]

"""A callback is untrusted: what it names is checked before a create adopts it."""

from __future__ import annotations

from typing import Any, List

import pytest

from bluma_async import errors
from bluma_async.types import CreateResult
from tests.fakes import answer, client_with, problem
from tests.resources.confirming import CUT, DATE, URL, callback, listing, row, token_of

INVALID: List[Any] = [b"", b"{", b"[]", b"{}", b'{"data": []}', b'{"data": {"id": 7}}', b'{"data": {"id": " "}}']
INVALID += [b"\xff\xfe", b"[" * 100_000, "null", None, 7, {"data": 7}, memoryview(b"x")]


@pytest.mark.parametrize("body", INVALID)
async def test_an_invalid_body_confirms_nothing(body: Any) -> None:
    """No body raises, and the token stays valid for a callback that names a video."""
    client, transport, _ = client_with(CUT, on_ambiguous="raise")
    with pytest.raises(errors.AmbiguousCreateError):
        await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    assert not client.confirm_create(token_of(transport), body)
    assert client.confirm_create(token_of(transport), memoryview(callback("v")))


@pytest.mark.parametrize("token", ["", "x" * 32, None, 7, "\ud800", "{create_token}"])
async def test_a_forged_token_confirms_nothing(token: Any) -> None:
    """A token that no create has sent confirms none, also while a create without a token is open."""
    client, _, _ = client_with(CUT, on_ambiguous="raise")
    for url in (URL, None):
        with pytest.raises(errors.AmbiguousCreateError):
            await client.videos.create({"prompt": "x"}, "t", webhook_url=url)

    assert not client.confirm_create(token, callback("v"))


@pytest.mark.parametrize(
    ("name", "read", "message"),
    [
        ("known", answer(200, row("known")), "cannot have made"),
        ("new", answer(200, row("new", template_id="other")), "cannot have made"),
        ("new", problem(404), "could not be read"),
    ],
)
async def test_a_foreign_video_is_not_adopted(name: str, read: Any, message: str) -> None:
    """The video of another create, of another template, or one that cannot be read: the create is in doubt."""

    def lose(_: Any) -> Any:
        client.confirm_create(token_of(transport), callback(name))
        raise CUT

    client, transport, _ = client_with(answer(202, row("known")), lose, read, settle_time=0.0)
    await client.videos.create({"prompt": "x"}, "t")

    with pytest.raises(errors.AmbiguousCreateError, match=message) as caught:
        await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    assert caught.value.candidates == []
    assert transport.sent.count("POST /videos") == 2


async def test_after_a_foreign_callback_settle_searches() -> None:
    """A callback that names a video of another create is forgotten, and the search decides."""

    def lose(_: Any) -> Any:
        client.confirm_create(token_of(transport), callback("known"))
        raise CUT

    known = answer(202, row("known"), DATE)
    client, transport, _ = client_with(known, lose, answer(200, row("known")), listing("known"), settle_time=0.0)
    await client.videos.create({"prompt": "x"}, "t")
    with pytest.raises(errors.AmbiguousCreateError):
        await client.videos.create({"prompt": "x"}, "t", webhook_url=URL)

    (settled,) = await client.settle()

    assert settled.result == CreateResult.NOT_ACCEPTED

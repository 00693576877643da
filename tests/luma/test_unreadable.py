"""A 2xx answer to a create that cannot be read: it was accepted and billed, and no option has it sent again."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async import AsyncLuma, errors
from bluma_async._runtime.secret import Secret
from bluma_async._wire.certainty import CreateOutcome, classify
from bluma_async._wire.messages import Answer
from bluma_async.luma.registry import PROVIDERS
from tests.fakes import FakeClock, FakeTransport, answer
from tests.luma.answers import decode_created, decode_read
from tests.luma.conformance import build_case, start

BODIES = [b"", b"<html>", b'{"state": "pending"}', b"[]", b'"text"', b'{"id": null}', b'{"id": ']
UNREADABLE = [
    *[(provider, status, body) for provider in ("umami", "vapi", "kie") for status in (200, 201) for body in BODIES],
    ("vapi", 200, {"code": "success", "data": {}}),
    *[("kie", 200, {"code": code, "msg": "success", "data": data}) for code in (200, "success") for data in ({}, None)],
]


@pytest.mark.parametrize(("provider", "status", "body"), UNREADABLE)
def test_a_success_without_an_id_was_accepted(provider: str, status: int, body: Any) -> None:
    """The error of the unreadable body keeps the HTTP status, which decides; kie.ai's `code` 200 is no error either."""
    with pytest.raises(
        errors.ServerError, match=f"The server answered {status}, but its body cannot be read"
    ) as caught:
        decode_created(provider, body, status)

    assert (caught.value.status, caught.value.http_status) == (502, status)
    assert classify(caught.value) is CreateOutcome.ACCEPTED


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_it_is_not_sent_again_on_request_either(provider: Any) -> None:
    """`on_ambiguous="retry"` is for creates in doubt; there is no doubt about this one."""
    transport = FakeTransport(answer(200, {"code": 200, "data": {}}))
    async with AsyncLuma(provider, "key", transport=transport, clock=FakeClock(), on_ambiguous="retry") as luma:
        with pytest.raises(errors.AmbiguousCreateError, match="It was accepted and billed") as caught:
            await start(luma)

    assert (caught.value.accepted, len(transport.requests)) == (True, 1)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_flaw_of_a_body_is_named(provider: str) -> None:
    """A body that could not be unpacked is empty; the error says why, and does not call it invalid JSON."""
    call = PROVIDERS[provider].build_create({"prompt": "x", **build_case(provider).arguments})
    assert call.read is not None

    with pytest.raises(errors.ServerError, match=r"^The server answered 200, but its body is too large") as caught:
        call.read(Answer(200, {}, b"", "is too large"), Secret("k"))

    assert classify(caught.value) is CreateOutcome.ACCEPTED


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_read_that_cannot_be_read_is_retried(provider: str) -> None:
    """A read costs nothing, so it is the error of a failing server, and never a generation that does not exist."""
    for body in (b"", b"<html>", b'"text"'):
        with pytest.raises(errors.ServerError) as caught:
            decode_read(provider, body)
        assert caught.value.status == 502

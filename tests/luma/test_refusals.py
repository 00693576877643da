"""Trap 20: a create is in doubt after an error, unless its status or its code says that nothing was created."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest

from bluma_async import AsyncLuma, errors
from bluma_async._wire.certainty import CreateOutcome, classify
from tests.fakes import FakeClock, FakeTransport, answer
from tests.luma.answers import ID, decode_created
from tests.luma.conformance import start

OVERLOADED = {"message": "Service Unavailable"}  # AWS answers this after 30 s, whatever the server behind it does
TOO_MANY = {"code": 429, "msg": "slow down", "data": None}


def build_umami_error(status: int, **changes: Any) -> Dict[str, Any]:
    """Return an error as in Luma reference 2.6, where the status is text."""
    return {"message": "no", "path": "/luma-ai/generations", "requestId": "r-1", "statusCode": str(status), **changes}


def build_vapi_error(code: str = "x") -> Dict[str, Any]:
    """Return an error as in Luma reference 3.7."""
    return {"error": {"message": "no", "type": "new_api_error", "param": "", "code": code}}


def find_outcome(provider: str, status: int, document: Any) -> str:
    """Return the outcome of a create that an error answers."""
    with pytest.raises(errors.APIError) as caught:
        decode_created(provider, document, status)
    return classify(caught.value).name


REFUSED = [
    *[("umami", status, build_umami_error(status)) for status in (400, 401, 403, 404, 422, 429)],
    ("umami", 429, build_umami_error(429, statusCode=429)),
    ("umami", 429, {"statusCode": 429, "error": "Too Many Requests", "message": "no"}),  # the form of a framework
    *[("vapi", status, build_vapi_error()) for status in (400, 401, 402, 403, 404, 422, 429)],
    ("vapi", 401, json.dumps(build_vapi_error()).encode() + b'{"detail":"z"}'),
    ("vapi", 403, {"code": "quota_not_enough", "message": "no", "data": None}),
    ("vapi", 401, {"detail": "no"}),
    ("vapi", 401, {"detail": {"reason": "unauthorized secret token", "code": 1}}),
    ("vapi", 200, {"code": "invalid_token", "message": "no", "data": None}),
    *[("kie", 200, {"code": code, "msg": "no"}) for code in (401, 402, 404, 422, 429, 433, 455, 505, "429")],
    ("kie", 429, TOO_MANY),
    *[(name, status, b"<html>") for name in ("kie", "umami", "vapi") for status in (400, 401, 402, 403, 404, 422, 429)],
]
DOUBTFUL = [
    *[(name, status, OVERLOADED) for name in ("kie", "umami", "vapi") for status in (408, 409, 425, 499, 500, 503)],
    *[(name, 503, b'"upstream connect error"') for name in ("kie", "umami", "vapi")],
    *[(name, 409, {"detail": "conflict"}) for name in ("kie", "umami", "vapi")],
    *[(name, 503, {"error": {"type": "t", "detail": "d"}}) for name in ("kie", "umami", "vapi")],
    *[("umami", status, build_umami_error(status)) for status in (408, 409, 500, 502, 503, 504)],
    *[("vapi", status, build_vapi_error()) for status in (408, 409, 500, 503)],
    ("vapi", 503, {"code": "invalid_token", "message": "no", "data": None}),
    ("vapi", 200, {"code": "upstream_timeout", "message": "no", "data": None}),
    *[("kie", 200, {"code": code, "msg": "no"}) for code in (500, 501, 999, "x", [1])],
    ("kie", 503, TOO_MANY),
    ("kie", 503, {"code": 503, "message": "no"}),
]


@pytest.mark.parametrize(("provider", "status", "document"), REFUSED)
def test_nothing_was_created_after_a_refusal(provider: str, status: int, document: Any) -> None:
    """The status says so, whatever the body, or a code that the provider's documents list."""
    assert find_outcome(provider, status, document) == CreateOutcome.REFUSED.name


@pytest.mark.parametrize(("provider", "status", "document"), DOUBTFUL)
def test_every_other_error_leaves_the_create_in_doubt(provider: str, status: int, document: Any) -> None:
    """JSON alone proves nothing, and nothing that the SDK puts around a body is taken for the provider's words."""
    assert find_outcome(provider, status, document) == CreateOutcome.UNCERTAIN.name


@pytest.mark.parametrize("provider", ["kie", "umami", "vapi"])
async def test_a_create_is_not_sent_again_after_a_503_with_json(provider: Any) -> None:
    """A create is sent once, and so is an extension."""
    transport = FakeTransport(answer(503, OVERLOADED))
    async with AsyncLuma(provider, "key", transport=transport, clock=FakeClock()) as luma:
        with pytest.raises(errors.AmbiguousCreateError, match="Service Unavailable"):
            await start(luma)
        assert len(transport.requests) == 1
        if luma.capabilities.extend:
            with pytest.raises(errors.AmbiguousCreateError):
                await luma.generations.extend(ID, "more")
            assert len(transport.requests) == 2


@pytest.mark.parametrize(
    ("provider", "status", "document"),
    [("kie", 200, TOO_MANY), ("umami", 429, build_umami_error(429)), ("vapi", 429, build_vapi_error())],
)
async def test_a_create_that_was_refused_is_sent_again(provider: Any, status: int, document: Any) -> None:
    """The provider's own 429 is retried if the client may wait."""
    accepted = {"code": 200, "msg": "success", "data": {"taskId": ID}} if provider == "kie" else {"id": ID}
    transport = FakeTransport(answer(status, document, {"Retry-After": "5"}), answer(201, accepted))
    clock = FakeClock()
    async with AsyncLuma(provider, "key", transport=transport, clock=clock, max_retry_after=60) as luma:
        made = await start(luma)

    assert (made.id, len(transport.requests), clock.slept) == (ID, 2, [5])

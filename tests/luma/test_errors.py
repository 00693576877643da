"""Traps about errors: each is the right exception, whatever the HTTP status and the shape of the body."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async import AsyncLuma, errors
from bluma_async.sandbox import Sandbox
from tests.fakes import FakeClock, FakeTransport, answer
from tests.luma.answers import ID, decode_created, decode_read
from tests.luma.conformance import build_case, make_client, start


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        (401, errors.AuthenticationError, 401),
        (402, errors.InsufficientCreditsError, 402),
        (404, errors.NotFoundError, 404),
        (422, errors.ValidationError, 422),
        (429, errors.RateLimitError, 429),
        (433, errors.ForbiddenError, 403),
        (455, errors.ServerError, 503),
        (500, errors.ServerError, 500),
        (505, errors.ForbiddenError, 403),
        (999, errors.ServerError, 502),
    ],
)
def test_trap_1_failures_come_in_a_200(code: int, kind: Any, status: int) -> None:
    """Trap 1: kie.ai reports errors in 200 answers; the error has the body's code and the HTTP status."""
    with pytest.raises(kind) as caught:
        decode_created("kie", {"code": code, "msg": "no", "data": None})

    assert (caught.value.status, str(caught.value)) == (status, "no")
    assert caught.value.metadata == {"code": code, "http_status": 200}


async def test_trap_4_a_failed_task_as_an_error() -> None:
    """Trap 4: code 501 on a read means a failed generation; the wait returns it after one request."""
    transport = FakeTransport(answer(200, {"code": 501, "msg": "generation failed", "data": None}))
    async with AsyncLuma("kie", "key", transport=transport, clock=FakeClock()) as luma:
        done = await luma.modifications.wait_for(ID)

    assert (done.state, done.error, len(transport.requests)) == (
        "failed",
        {"code": 501, "message": "generation failed"},
        1,
    )
    with pytest.raises(errors.APIError):
        decode_created("kie", {"code": 501, "msg": "no"})


@pytest.mark.parametrize("code", [200, 0, "200", "0", "success"])
def test_trap_5_forms_of_success(code: Any) -> None:
    """Trap 5: all known success codes, numbers and words, are accepted."""
    assert decode_created("kie", {"code": code, "msg": "", "data": {"taskId": ID}}).id == ID


def test_trap_5_envelopes_without_data() -> None:
    """Trap 5: any other code in an envelope without data is an error, whatever the HTTP status."""
    with pytest.raises(errors.NotFoundError, match="no such task"):
        decode_read("vapi", {"code": "task_not_exist", "message": "no such task", "data": None})
    with pytest.raises(errors.ValidationError, match="quota"):
        decode_created("vapi", {"code": "insufficient_user_quota", "message": "", "data": None})


@pytest.mark.parametrize(
    "body", [b'{"error":{"message":"no","code":"x"}}{"detail":"z"}', b'{"detail":{"reason":"no"}}']
)
def test_trap_19_two_documents(body: bytes) -> None:
    """Trap 19: only the first document of a body is parsed; bodies without JSON raise ServerError."""
    with pytest.raises(errors.AuthenticationError, match=r"^no$"):
        decode_created("vapi", body, 401)
    for odd in (b"", b"<html>", b'"text"', b"[1]", b"\xff"):
        with pytest.raises(errors.ServerError):
            decode_created("vapi", odd, 500)
        with pytest.raises(errors.ServerError):
            decode_created("kie", odd, 200)


async def test_trap_20_nothing_is_paid_twice(sandbox: Sandbox) -> None:
    """Trap 20: maintenance (455) is a certain refusal and retried; a 500 is uncertain and not retried."""
    async with make_client("kie", sandbox) as luma:
        sandbox.faults.add(
            build_case("kie").create_route, "status", status=200, body={"code": 455, "msg": "maintenance"}
        )
        await start(luma)
        sandbox.faults.add(build_case("kie").create_route, "status", status=200, body={"code": 500, "msg": "?"})
        with pytest.raises(errors.AmbiguousCreateError):
            await start(luma)

    assert sandbox.state()["billed"] == 1


@pytest.mark.parametrize(
    ("message", "kind"), [("Out of credits", errors.InsufficientCreditsError), ("Not yours", errors.ForbiddenError)]
)
def test_trap_23_out_of_credits(message: str, kind: Any) -> None:
    """Trap 23: a 403 of UmamiAI about credits raises InsufficientCreditsError; any other 403 stays a ForbiddenError."""
    with pytest.raises(kind) as caught:
        decode_created("umami", {"message": message, "statusCode": "403"}, 403)

    assert type(caught.value) is kind

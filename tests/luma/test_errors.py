"""Traps about errors: each is the right exception, whatever the HTTP status and the shape of the body."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async import AsyncLuma, errors
from bluma_async.sandbox import Sandbox
from tests.fakes import FakeClock, FakeTransport, answer
from tests.luma.answers import ID, decode_created, decode_read, wrap_task
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
    with pytest.raises(errors.AuthenticationError, match="no such key"):
        decode_created("vapi", {"code": "invalid_token", "message": "no such key", "data": None})


@pytest.mark.parametrize("code", ["upstream_timeout", "model_not_found", "submitted", 1, 500])
async def test_trap_20_an_unknown_code_of_v_api_is_no_refusal(sandbox: Sandbox, code: Any) -> None:
    """Trap 20: the gateway may have accepted the create before it answered with the code; a read is retried."""
    case, body = build_case("vapi"), {"code": code, "message": "later", "data": None}
    async with make_client("vapi", sandbox) as luma:
        sandbox.faults.add(case.create_route, "status", status=200, body=body)
        with pytest.raises(errors.AmbiguousCreateError):
            await start(luma)

    with pytest.raises(errors.ServerError, match="later") as caught:
        decode_read("vapi", body)

    assert (caught.value.status, caught.value.type) == (502, str(code))


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


SHORTAGES = (
    "Out of credits",
    "You have run out of tokens",
    "You've run out of credits. Please top up your balance or update your payment method",
    "You ran out of your credits",
    "no credits left",
    "Insufficient balance",
    "insufficient_user_quota",
    "Not enough UmamiAI tokens for this generation",
    "Your balance is too low",
    "user quota is not enough",
    "Credits have been used up",
)
OTHERS = (
    "Not yours",
    "Invalid token",
    "Token expired",
    "No token provided",
    "Insufficient token scope",
    "Insufficient permissions for this token",
    "This token has no access to credits",
    "Top up is disabled for your balance",
    "The funds API is forbidden",
)


@pytest.mark.parametrize(
    ("message", "kind", "status"),
    [
        *[(message, errors.InsufficientCreditsError, 402) for message in SHORTAGES],
        *[(message, errors.ForbiddenError, 403) for message in OTHERS],
    ],
)
def test_trap_23_out_of_credits(message: str, kind: Any, status: int) -> None:
    """Trap 23: a 403 of UmamiAI about too few credits raises InsufficientCreditsError, and any other ForbiddenError."""
    body = {"message": message, "path": "/luma-ai/generations", "requestId": "r-1", "statusCode": "403"}

    with pytest.raises(kind) as caught:
        decode_created("umami", body, 403)

    error = caught.value
    assert (type(error), error.status, str(error)) == (kind, status, message)
    assert (error.http_status, error.request_id, error.is_api_answer, error.is_refusal) == (403, "r-1", True, True)
    assert error.metadata == {"body": body}


@pytest.mark.parametrize(
    ("provider", "document"),
    [
        ("kie", wrap_task(taskId="another", successFlag=1, response={"resultUrls": ["https://x.example/1.mp4"]})),
        ("kie", {"code": 501, "msg": "failed", "data": {"taskId": "another"}}),
        ("vapi", {"id": "another", "state": "completed"}),
    ],
)
def test_an_answer_about_another_generation_is_invalid(provider: str, document: Any) -> None:
    """Its file is not shown as that of the generation that was asked for; the read is retried, and a wait goes on."""
    with pytest.raises(errors.ServerError, match=r"about 'another', and '4c9126f3.* was asked for") as caught:
        decode_read(provider, document)

    assert caught.value.status == 502


def test_a_task_without_an_id_is_believed() -> None:
    """kie.ai's read names one task in its query, and the answer need not repeat the id."""
    document = {"code": 200, "msg": "success", "data": {"successFlag": 0}}

    assert decode_read("kie", document).id == ID

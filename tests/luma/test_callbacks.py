"""Traps about callbacks: signatures, and the place of the id."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from bluma_async import errors
from bluma_async.luma.kie import sign
from bluma_async.luma.registry import PROVIDERS
from bluma_async.sandbox.luma.kie import build_callback_headers
from tests.luma.answers import ID

VECTOR = ("774d9a7dd608a0e49293903095e45a4c", "1755078480", "whk_test_0123456789abcdef")
SIGNATURE = "zErs0PPO2h4X7wpN010179E+LAOF3nPGuYRwuVg+t7Q="


def test_client_and_sandbox_sign_alike() -> None:
    """Each has its own code for kie.ai's signature; both agree with a signature that neither computed."""
    task_id, timestamp, secret = VECTOR

    assert sign(*VECTOR) == SIGNATURE
    assert build_callback_headers({"id": task_id}, timestamp, secret) == {
        "X-Webhook-Timestamp": timestamp,
        "X-Webhook-Signature": SIGNATURE,
    }


def test_trap_21_callbacks_are_signed_at_most_in_part() -> None:
    """Trap 21: kie.ai signs id and time; with a secret, a callback without a valid and recent signature is refused."""
    adapter, now = PROVIDERS["kie"], str(int(time.time()))
    body = json.dumps({"code": 200, "data": {"taskId": ID}}).encode()
    good = {"X-Webhook-Timestamp": now, "X-Webhook-Signature": sign(ID, now, "whk")}

    assert adapter.parse_callback(body, good, "whk") == adapter.parse_callback(body, {}, None) == ID
    old = {"X-Webhook-Timestamp": "1755078480", "X-Webhook-Signature": sign(ID, "1755078480", "whk")}
    for bad in (
        {},
        {**good, "X-Webhook-Signature": "é"},
        {**good, "X-Webhook-Timestamp": "x"},
        {**good, "X-Webhook-Timestamp": "²"},
        {**good, "X-Webhook-Timestamp": "9" * 400},
        {**good, "X-Webhook-Timestamp": "9" * 5000},
        old,
    ):
        with pytest.raises(errors.WebhookVerificationError):
            adapter.parse_callback(body, bad, "whk")


@pytest.mark.parametrize("value", [{"id": ID}, {"task_id": ID}, {"data": {"id": ID}}, {"data": {"task_id": ID}}])
def test_trap_22_callbacks_name_their_generation_anywhere(value: Any) -> None:
    """Trap 22: the id of the generation is found in all places where a callback may have it."""
    assert PROVIDERS["vapi"].parse_callback(json.dumps(value).encode(), {}, None) == ID

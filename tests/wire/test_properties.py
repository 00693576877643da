"""Property tests: random input gives a result or a documented error. `BLUMA_FUZZ` sets the number of cases."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bluma_async import sign_webhook, types, verify_webhook
from bluma_async._wire.answers import read_answer
from bluma_async._wire.budget import read_rate_limit
from bluma_async._wire.codec import Many, One
from bluma_async._wire.messages import Answer
from bluma_async.errors import BlumaError, WebhookVerificationError

CASES = int(os.environ.get("BLUMA_FUZZ", "150"))
thorough = settings(
    max_examples=CASES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
NAMES = st.sampled_from(
    ["id", "status", "error", "data", "type", "videos", "url", "metadata", "validation_errors", "retry_after", "detail"]
    + ["title", "created_at", "progress"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just("2025-11-03T10:30:00Z"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=6),
    max_leaves=12,
)
BODIES = (
    JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60) | st.text(max_size=20).map(str.encode)
)
HEADER_VALUES = st.text(max_size=20) | st.sampled_from(
    ["0", "3600", "-1", "Mon, 03 Nov 2025 10:30:00 GMT", "inf", "nan"]
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["retry-after", "date", "x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]
    ),
    HEADER_VALUES,
)
DECODERS: Any = [
    One(types.Video),
    One(types.VideoPage),
    One(types.Template),
    One(types.CreditHistory),
    One(types.Asset),
    Many(types.Webhook, "webhooks", "data"),
    lambda data: data,
]


@thorough
@given(status=st.integers(100, 999), headers=HEADERS, body=BODIES, decode=st.sampled_from(DECODERS))
def test_every_answer_is_a_result_or_an_error_of_ours(status: int, headers: Any, body: bytes, decode: Any) -> None:
    """Any status, headers and body give a result or a BlumaError, nothing else."""
    try:
        read_answer(Answer(status, headers, body), decode)
    except BlumaError as error:
        assert str(error)
        assert isinstance(error.status, int)
    else:
        assert 200 <= status < 300
    read_rate_limit(headers)


@thorough
@given(payload=BODIES, signature=st.none() | st.text(max_size=80) | st.binary(max_size=80), is_signed=st.booleans())
def test_every_webhook_is_an_event_or_refused(payload: bytes, signature: Any, is_signed: bool) -> None:
    """Any header and body give an event or a WebhookVerificationError, nothing else."""
    if is_signed and payload:
        signature = sign_webhook(payload, "whsec_x")
    try:
        event = verify_webhook(payload, signature, "whsec_x")
    except WebhookVerificationError:
        return
    assert is_signed
    assert event.id
    assert event["type"] == event.type


@pytest.mark.parametrize("depth", [10, 100, 400, 990, 5000])
def test_deeply_nested_objects(depth: int) -> None:
    """Deeply nested objects are decoded or refused; they do not crash."""
    body = b'{"id": "a", "status": "queued", "deep": ' + b'{"a": ' * depth + b"1" + b"}" * depth + b"}"

    try:
        video: Any = read_answer(Answer(200, {}, body), One(types.Video))
    except BlumaError as error:
        assert error.status == 502
    else:
        assert video.deep

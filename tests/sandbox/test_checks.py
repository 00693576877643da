"""Bodies and queries that are invalid, and the dates that are valid."""

from __future__ import annotations

import io
import json
from typing import Any, Dict

import pytest

from bluma_async.sandbox.checks import check_date_time, parse_timestamp
from tests.sandbox.conftest import JOB, Plain

AS_JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "raw",
    [
        b"{", b"\xff\xfe", b"[" * 100_000, b'"x"', b"null", json.dumps({**JOB, "x": float("nan")}).encode(),
        json.dumps({**JOB, "x": [float("-inf")]}).encode(), json.dumps(JOB).encode("utf-16"),
        json.dumps(JOB).encode("utf-32-be"), json.dumps(JOB).encode("utf-8-sig"),
    ],
)  # fmt: skip
async def test_malformed_json_is_a_400(plain: Plain, raw: bytes) -> None:
    """A body that is not a JSON object in UTF-8 is rejected with the documented error type, and nothing is billed."""
    status, answer, _ = await plain("POST", "/videos", data=raw, headers=AS_JSON)

    assert (status, answer["error"]["type"]) == (400, "invalid_request")
    assert answer["error"]["validation_errors"][0]["field"] == "body"
    assert plain.sandbox.state()["billed"] == 0


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "application/x-www-form-urlencoded"])
async def test_a_body_of_another_type_is_a_400(plain: Plain, kind: str) -> None:
    """Item 12: a JSON request has `Content-Type: application/json`; the documented statuses have no 415."""
    status, answer, _ = await plain("POST", "/videos", data=json.dumps(JOB).encode(), headers={"Content-Type": kind})

    assert (status, answer["error"]["validation_errors"][0]["field"]) == (400, "body")
    assert plain.sandbox.state()["billed"] == 0


@pytest.mark.parametrize("headers", [AS_JSON, {"Content-Type": "application/json; charset=utf-8"}])
async def test_a_declared_body_is_accepted(plain: Plain, headers: Dict[str, Any]) -> None:
    """A parameter of the type has no meaning, because JSON is UTF-8."""
    status, _, _ = await plain("POST", "/videos", data=json.dumps(JOB).encode(), headers=headers)

    assert status == 202


@pytest.mark.parametrize(("levels", "expected"), [(97, 202), (98, 400)])
async def test_a_body_is_bounded_before_it_is_parsed(plain: Plain, levels: int, expected: int) -> None:
    """A hundred levels are accepted, three of them above the lists; brackets inside texts do not count."""
    deep = "[" * levels + r'"[[ \" [["' + "]" * levels
    body = f'{{"template_id": "{JOB["template_id"]}", "context": {{"prompt": "p", "custom_data": {{"a": {deep}}}}}}}'

    assert (await plain("POST", "/videos", data=body.encode(), headers=AS_JSON))[0] == expected


async def test_an_oversized_body_is_a_413(plain: Plain) -> None:
    """A JSON body above 1 MiB is a 413."""
    status, answer, _ = await plain("POST", "/videos", data=io.BytesIO(b" " * 2**21))

    assert (status, answer["error"]["status"]) == (413, 413)


@pytest.mark.parametrize(
    "query", ["page=0", "limit=101", "limit=x", "status=odd", "from_date=soon", "page=" + "9" * 40]
)
async def test_an_invalid_query_parameter_is_a_400(plain: Plain, query: str) -> None:
    """The 400 names the invalid parameter."""
    status, answer, _ = await plain("GET", f"/videos?{query}")

    assert status == 400
    assert answer["error"]["validation_errors"][0]["field"] == query.split("=", maxsplit=1)[0]


@pytest.mark.parametrize(
    ("text", "timestamp"),
    [
        ("1970-01-02T00:00:00Z", 86400.0),
        ("1970-01-02T00:00:59.5Z", 86459.5),
        ("1970-01-02T02:30:00+02:30", 86400.0),
        ("1970-01-01 19:00:00-0500", 86400.0),
        ("1970-01-02T01:00+01", 86400.0),
        ("1970-01-02t00:00:00z", 86400.0),
    ],
)
def test_dates_of_queries_are_parsed(text: str, timestamp: float) -> None:
    """ISO 8601 with and without seconds, fraction and offset; a time without an offset is in UTC."""
    assert check_date_time(text) is None
    assert parse_timestamp(text) == timestamp
    assert parse_timestamp(text.rstrip("zZ")) == timestamp


@pytest.mark.parametrize(
    "text", ["soon", "2025-13-01T00:00:00Z", "1970-01-02", "1970-01-02T00:00:00Z\n", "0001-01-01T00:00:00+23:00", 5]
)
def test_invalid_dates_are_rejected(text: object) -> None:
    """Text that is not a date-time, and a date-time that no calendar has, are reported as such."""
    assert check_date_time(text) == "must be an ISO 8601 date-time"

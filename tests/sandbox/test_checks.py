"""Bodies and queries that are invalid, and the dates that are valid."""

from __future__ import annotations

import io

import pytest

from bluma_async.sandbox.checks import check_date_time, parse_timestamp
from tests.sandbox.conftest import Plain


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b"[" * 100_000, b'"x"', b"null"])
async def test_malformed_json_is_a_400(plain: Plain, raw: bytes) -> None:
    """A body that is not a JSON object is rejected with the documented error type."""
    status, answer, _ = await plain("POST", "/videos", data=raw)

    assert (status, answer["error"]["type"]) == (400, "invalid_request")


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

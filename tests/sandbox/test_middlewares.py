"""Steps that every request passes: the key, the scope, unknown paths, the Date header."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import Plain, parse_time


async def test_the_key_is_checked_before_the_path(plain: Plain) -> None:
    """Item 127 and trap T-2: without a key every path is a 401 whose error is a string, without rate-limit headers."""
    plain.key = None
    for path in ("/templates", "/no/such/path"):
        status, answer, headers = await plain("GET", path)
        assert (status, answer) == (401, {"error": "No authorization token provided"})
        assert "X-RateLimit-Limit" not in headers
    plain.key = "bluma_live_wrong"
    status, answer, _ = await plain("GET", "/templates")
    assert (status, answer["error"]["metadata"]) == (401, {"key_prefix": "bluma_live_wrong"})


async def test_unknown_paths_and_methods_are_rejected(plain: Plain) -> None:
    """An unknown path is a 404 and a wrong method a 405, both with the envelope and the rate-limit headers."""
    status, answer, headers = await plain("GET", "/no/such/path")
    wrong_method, error, allowed = await plain("DELETE", "/templates")

    assert (status, answer["error"]["type"]) == (404, "not_found")
    assert headers["X-RateLimit-Limit"] == "5000"
    assert (wrong_method, error["error"]["status"]) == (405, 405)
    assert "GET" in allowed["Allow"]


async def test_a_missing_scope_is_a_403(sandbox: Sandbox, plain: Plain) -> None:
    """The error names the scope that the key lacks; other routes still work."""
    key = next(row for row in sandbox._running.keys.all() if row["environment"] == "production")
    key["scopes"] = ["templates:list"]

    status, answer, _ = await plain("GET", "/credits/balance")

    assert (status, answer["error"]["metadata"]["required_scope"]) == (403, "credits:read")
    assert (await plain("GET", "/templates"))[0] == 200


async def test_the_date_header_and_created_at_have_one_clock(sandbox: Sandbox, plain: Plain) -> None:
    """Clients compare the two, so both must follow the sandbox's clock."""
    await sandbox.advance(86400 * 400)
    made = await plain.make()

    _, _, headers = await plain("GET", "/templates")

    assert parsedate_to_datetime(headers["Date"]) == parse_time(made["created_at"])

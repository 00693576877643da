"""`bluma doctor` finds each problem, and says what to do about it."""

from __future__ import annotations

import json
import socket
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest

from bluma import RateLimit
from bluma_async.cli.checks import judge_clock, judge_limit
from bluma_async.sandbox import Sandbox
from tests.cli.test_cli import run

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def check(capsys: pytest.CaptureFixture[str]) -> Tuple[int, Dict[str, Any]]:
    """Run the command, and return its exit code and the results by their names."""
    code = run(["doctor", "--json"])
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, {record["name"]: record for record in records}


def test_everything_is_fine(live: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Every check is ok; no key is shown; one request was sent."""
    code, found = check(capsys)

    assert code == 0
    assert set(found) == {"versions", "key", "TLS", "proxy", "disk", "state folder", "request", "clock", "rate limit"}
    assert {name: record["state"] for name, record in found.items() if record["state"] != "ok"} == {}
    assert live.live_key not in json.dumps(found)
    assert len(live.requests) == 1


def test_the_text_for_people_has_the_advice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a key nothing is sent, and the advice shows how to set one."""
    assert run(["doctor"]) == 1
    out, err = capsys.readouterr()
    assert "XX  key: there is none\n    Set BLUMA_API_KEY, or store it: bluma config set" in out
    assert err == "1 problem(s).\n"


def test_a_wrong_key(live: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The form of the key is a warning, its refusal a problem; the clock and the limit are judged nevertheless."""
    monkeypatch.setenv("BLUMA_API_KEY", "sk-123")
    code, found = check(capsys)

    assert (code, found["key"]["state"], found["request"]["state"]) == (1, "warning", "problem")
    assert "dashboard" in found["request"]["advice"]
    assert "clock" in found


def test_a_wrong_path(live: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The advice names the path."""
    monkeypatch.setenv("BLUMA_BASE_URL", f"{live.origin}/v2")
    code, found = check(capsys)

    assert (code, found["request"]["state"]) == (1, "problem")
    assert "/api/v1" in found["request"]["advice"]


def test_no_server(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A connection that is refused is reported with the settings to look at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("BLUMA_BASE_URL", f"http://127.0.0.1:{free.getsockname()[1]}/api/v1")
        monkeypatch.setenv("BLUMA_API_KEY", "bluma_test_x")
        code, found = check(capsys)

    assert code == 1
    assert "BLUMA_BASE_URL" in found["request"]["advice"]
    assert "clock" not in found


def test_an_unencrypted_url_and_a_proxy(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """http:// to another machine is a problem; a proxy is named without its password."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        proxy = f"http://user:bluma_secret@127.0.0.1:{free.getsockname()[1]}"
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("BLUMA_BASE_URL", "http://api.example.com/api/v1")
        monkeypatch.setenv("BLUMA_API_KEY", "bluma_test_x")
        _, found = check(capsys)

    assert (found["TLS"]["state"], found["proxy"]["detail"]) == ("problem", "requests go through 127.0.0.1")
    assert "bluma_secret" not in json.dumps(found)


def test_a_folder_that_cannot_be_written(
    live: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The state folder is tried; a file in its place is a problem."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("BLUMA_STATE_DIR", str(tmp_path / "file" / "state"))
    code, found = check(capsys)

    assert (code, found["state folder"]["state"]) == (1, "problem")


@pytest.mark.parametrize(("skew", "state"), [(0, "ok"), (-59, "ok"), (61, "problem"), (-4000, "problem")])
def test_the_clock(skew: int, state: str) -> None:
    """A minute is allowed, as in the search for a lost create."""
    found = judge_clock(NOW, NOW + timedelta(seconds=skew))

    assert found.state == state
    if state == "problem":
        assert ("ahead of" in found.detail) == (skew > 0)
        assert "NTP" in str(found.advice)
    assert judge_clock(None, NOW).state == "warning"


def test_the_clock_of_a_sandbox_may_be_ahead() -> None:
    """With --speed it is on purpose: no problem, and no advice about NTP."""
    found = judge_clock(NOW, NOW - timedelta(hours=3), is_local=True)

    assert found.state == "warning"
    assert "sandbox" in str(found.advice)
    assert "NTP" not in str(found.advice)


@pytest.mark.parametrize(("remaining", "state"), [(4000, "ok"), (500, "warning"), (0, "warning")])
def test_the_rate_limit(remaining: int, state: str) -> None:
    """A tenth of the budget is a warning, with the time of the reset."""
    found = judge_limit(RateLimit(limit=5000, remaining=remaining, reset_after=600.0))

    assert (found.state, found.detail) == (
        state,
        f"{remaining} of 5000 requests an hour are left, until the reset in 10 minutes",
    )

"""`bluma doctor` finds each problem, and says what to do about it."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest

from bluma import RateLimit
from bluma_async.cli.checks import judge_clock, judge_limit
from bluma_async.cli.tls_checks import advise_on_tls
from bluma_async.sandbox import Sandbox
from tests.cli.test_cli import run
from tests.servers import make_authority

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def check(capsys: pytest.CaptureFixture[str]) -> Tuple[int, Dict[str, Any]]:
    """Run the command, and return its exit code and the results by their names."""
    code = run(["doctor", "--json"])
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, {record["name"]: record for record in records}


def test_everything_is_fine(live: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Every check is ok, versions are a fact; no key is shown; one request was sent."""
    code, found = check(capsys)

    assert code == 0
    assert set(found) == {"versions", "key", "proxy", "disk", "state folder", "request", "clock", "rate limit"}
    assert {name for name, record in found.items() if record["state"] != "ok"} == {"versions"}
    assert found["versions"]["state"] == "info"
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


@contextmanager
def plain_server() -> Iterator[int]:
    """Give the port of a server that speaks HTTP without TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        pool.submit(answer)
        yield listening.getsockname()[1]


def test_a_server_without_tls(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """TLS is judged by the request, once, and the advice is about the URL and not about certificates."""
    with plain_server() as port:
        monkeypatch.setenv("BLUMA_BASE_URL", f"https://127.0.0.1:{port}/api/v1")
        monkeypatch.setenv("BLUMA_API_KEY", "bluma_test_x")
        code, found = check(capsys)

    assert (code, found["TLS"]["state"], "request" in found) == (1, "problem", False)
    assert found["TLS"]["advice"].startswith("The server speaks no TLS on this port")


@contextmanager
def tls_server(context: ssl.SSLContext) -> Iterator[int]:
    """Give the port of a server that answers each request with 501, over TLS."""
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server, ThreadPoolExecutor(1) as pool:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        pool.submit(server.serve_forever)
        yield server.server_port
        server.shutdown()


def test_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    """A variable that names no file is found; with the certificate of the authority, TLS is ok."""
    authority = make_authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(trusted)

    with tls_server(context) as port:
        variables = {"BLUMA_API_KEY": "bluma_test_x", "BLUMA_BASE_URL": f"https://127.0.0.1:{port}/api/v1"}
        missing, found = (
            subprocess.run(
                [sys.executable, "-m", "bluma", "doctor"],  # aiohttp reads the variable once in a process
                env={**os.environ, **variables, "SSL_CERT_FILE": str(file)},
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            ).stdout
            for file in (tmp_path / "none.pem", trusted)
        )

    assert "XX  TLS: " in missing
    assert "none.pem, which does not exist" in missing
    assert f"ok  TLS: https://127.0.0.1:{port}/api/v1 with OpenSSL" in found


@pytest.mark.parametrize(
    ("code", "advice"), [(10, "clock"), (9, "clock"), (62, "another host"), (20, "your company's proxy")]
)
def test_the_advice_about_a_certificate(code: int, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It follows from the code of OpenSSL: dates, the name, or the issuer."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    problem = ssl.SSLCertVerificationError()
    problem.verify_code = code

    assert advice in advise_on_tls(problem)


@pytest.mark.parametrize(
    ("variable", "value", "detail"),
    [
        ("BLUMA_API_KEY", "bluma test", "without spaces"),
        ("BLUMA_BASE_URL", "foo", "BLUMA_BASE_URL must be an http:// or https:// URL"),
        ("BLUMA_BASE_URL", "https://user:secret@api.example.com", "BLUMA_BASE_URL must be"),
        ("BLUMA_PROFILE", "nobody", "There is no profile 'nobody'"),
    ],
)
def test_a_setting_that_cannot_be_read(
    variable: str, value: str, detail: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is one of the problems, and the other checks run; no password is shown."""
    if variable != "BLUMA_PROFILE":
        monkeypatch.setenv("BLUMA_API_KEY", "bluma_test_x")
    else:
        monkeypatch.delenv("BLUMA_API_KEY", raising=False)
    monkeypatch.setenv(variable, value)
    code, found = check(capsys)

    assert (code, found["settings"]["state"]) == (1, "problem")
    assert detail in found["settings"]["detail"]
    assert {"versions", "disk", "state folder"} <= set(found)
    assert "secret" not in json.dumps(found)


def test_a_broken_file_of_profiles(
    config_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its line is a problem; that others can read it is a warning."""
    monkeypatch.delenv("BLUMA_API_KEY", raising=False)
    config_folder.mkdir()
    file = config_folder / "profiles.ini"
    file.write_text("no section", encoding="utf-8")
    file.chmod(0o644)
    code, found = check(capsys)

    assert (code, found["settings"]["state"]) == (1, "problem")
    assert "profiles.ini, line 1" in found["settings"]["detail"]
    if os.name == "posix":
        assert (found["profiles"]["state"], f"chmod 600 {file}" in found["profiles"]["advice"]) == ("warning", True)
        file.chmod(0o600)
        assert check(capsys)[1]["profiles"]["state"] == "ok"


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

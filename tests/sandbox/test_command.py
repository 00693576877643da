"""The options of `bluma sandbox` that decide whom it serves and where it sends events."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from typing import Any, Dict, Iterator
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from bluma_async.cli.sandbox import sandbox as command

OPTIONS = ["--allowed-hosts", "sandbox.test,other.test", "--webhook-hosts", "127.0.0.2,127.0.0.1:8080"]
QUIRKS = ["--cruelty", "vapi_quirks=text_plain,list_of_one"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Provide the address of a sandbox that the command has started with these options."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bluma", "sandbox", "--port", "0", "--no-render", *OPTIONS, *QUIRKS],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    yield urlsplit(process.stdout.readline().partition("=")[2].strip()).netloc
    process.terminate()
    process.communicate()


def call(address: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """Return the status and the JSON of an answer."""
    connection = http.client.HTTPConnection(address, timeout=10)
    usual: Dict[str, str] = {"Authorization": "Bearer bluma_live_sandbox", "Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), {**usual, **headers})
    answer = connection.getresponse()
    shown = answer.status, json.loads(answer.read())
    connection.close()
    return shown


def test_the_command_takes_hosts(address: str) -> None:
    """Allowed names are served, others are not."""
    statuses = [call(address, "GET", "/api/v1/templates", Host=host)[0] for host in ("other.test", "evil.example")]

    assert statuses == [200, 421]


def test_the_command_takes_destinations(address: str) -> None:
    """Events go to the listed hosts only."""
    job = {"template_id": "ugc-text-overlay", "context": {"prompt": "x"}}
    urls = ("http://127.0.0.2:8082/x", "http://127.0.0.1:8080/x", "http://127.0.0.1:8081/x")

    statuses = [call(address, "POST", "/api/v1/videos", {**job, "webhook_url": url})[0] for url in urls]

    assert statuses == [202, 202, 400]


def test_the_command_takes_quirks(address: str) -> None:
    """A quirk is a cruelty with a name."""
    status, cruelty = call(address, "GET", "/_sandbox/cruelty")

    assert (status, cruelty["vapi_quirks"]) == (200, ["text_plain", "list_of_one"])


def test_the_command_prints_deliveries() -> None:
    """A line names the event, the endpoint, its answer and the attempt; the page is named at the start."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bluma", "sandbox", "--port", "0", "--no-render"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    own = urlsplit(process.stdout.readline().partition("=")[2].strip()).netloc
    body = {"template_id": "ugc-text-overlay", "context": {"prompt": "x"}, "webhook_url": "http://127.0.0.1:9/hook"}
    call(own, "POST", "/api/v1/videos", body)
    lines = [process.stderr.readline() for _ in range(3)]
    process.terminate()
    process.communicate()

    assert lines[0] == f"Open http://{own}/ in a browser to see and control it.\n"
    assert any(line.startswith("video.queued -> http://127.0.0.1:9/hook no answer ") for line in lines)


@pytest.mark.parametrize("option", ["--allowed-hosts", "--webhook-hosts"])
def test_the_command_rejects_what_is_no_host(option: str) -> None:
    """The error names the setting, and nothing is served."""
    outcome = CliRunner().invoke(command, ["--port", "0", option, "http://x/"])

    assert outcome.exit_code == 2
    assert f"{option[2:].replace('-', '_')} must list hosts" in outcome.output

"""`bluma worker`, and `bluma batch run` on a database that workers share: real processes, ended by SIGTERM."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._runtime.json_log import JsonFormatter
from bluma_async.cli.worker_log import is_news
from bluma_async.sandbox import Sandbox
from tests.cli.test_cli import run
from tests.postgres import PostgresServer

psycopg = pytest.importorskip("psycopg", reason="the extra fleet is not installed")
ConnectorException = pytest.importorskip("procrastinate", reason="it is not installed").exceptions.ConnectorException
BLUMA = [sys.executable, "-m", "bluma"]
TEMPLATE = "ugc-text-overlay"
STATES = "SELECT state, holder IS NOT NULL FROM bluma_jobs ORDER BY place"


@pytest.fixture
def new_database(postgres_server: PostgresServer) -> Iterator[str]:
    """Give a database of its own: an engine adds its tables to it."""
    url = postgres_server.make_database()
    yield url
    postgres_server.drop(url)


def submit(url: str, out: Path, *keys: str) -> None:
    """Plan jobs."""

    async def work() -> None:
        async with AsyncBluma() as client:
            rows = [{"template_id": TEMPLATE, "prompt": key, "key": key} for key in keys]
            await client.batch(url, out=out).submit(rows)

    asyncio.run(work())


def wait_until(is_done: Callable[[], bool], process: subprocess.Popen[Any]) -> None:
    """Wait for something that a process does."""
    ends = time.monotonic() + 30
    while not is_done():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.mark.timeout(60)  # a process starts in real time
def test_a_worker_logs_json(live: Sandbox, postgres_server: PostgresServer, new_database: str, tmp_path: Path) -> None:
    """One object a line, with the steps of each job; the exit code after SIGTERM is 0."""
    submit(new_database, tmp_path, "sky", "sea")
    command = [*BLUMA, "worker", "--journal", new_database, "--out", str(tmp_path), "--poll-interval", "0.2"]
    with subprocess.Popen(
        [*command, "--log-format", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        wait_until(lambda: postgres_server.fetch(new_database, STATES) == [("saved", False)] * 2, process)
        process.send_signal(signal.SIGTERM)
        _, logged = process.communicate(timeout=30)

    lines = [json.loads(line) for line in logged.splitlines()]
    steps = {(line["job"], line["event"]) for line in lines if line["job"]}
    assert process.returncode == 0
    assert steps >= {(key, event) for key in ("sky", "sea") for event in ("created", "ended", "saved")}
    assert all(line["epoch"] for line in lines if line["job"])
    assert all(set(line) == {"time", "level", "event", "job", "video", "epoch", "detail"} for line in lines)
    assert live.live_key not in logged


@pytest.mark.parametrize("concurrency", ["0", "-3"])
def test_a_worker_needs_a_task_at_a_time(
    live: Sandbox, postgres: str, capsys: pytest.CaptureFixture[str], concurrency: str
) -> None:
    """Without one it would live for ever and do nothing; the option is checked as that of a run is."""
    code = run(["worker", "--journal", postgres, "--concurrency", concurrency])

    assert code == 2
    assert "concurrency must be a whole number of at least 1" in capsys.readouterr().err


def test_a_line_of_json_has_no_secret() -> None:
    """Whatever a message contains; it is one line."""
    record = logging.LogRecord("bluma", logging.WARNING, "f", 1, "key %s\nfailed", ("bluma_live_secretword",), None)

    line = JsonFormatter().format(record)

    assert json.loads(line)["detail"] == "key bluma_live_***\nfailed"
    assert (json.loads(line)["event"], json.loads(line)["job"], line.count("\n")) == ("log", None, 0)


@pytest.mark.parametrize(
    ("name", "problem", "expected"),
    [
        ("procrastinate.worker", psycopg.OperationalError("gone"), False),
        ("procrastinate.worker", ConnectorException("gone"), False),
        ("procrastinate.worker", errors.BlumaError("gone"), False),
        ("procrastinate.worker", KeyError("x"), True),
        ("procrastinate.worker", None, True),
        ("asyncio", ConnectorException("gone"), False),
        ("asyncio", errors.BlumaError("failed"), True),
        ("bluma", errors.BlumaError("failed"), True),
    ],
)
def test_each_failure_to_connect_is_left_out(name: str, problem: Optional[Exception], *, expected: bool) -> None:
    """The lease has reported that the database is gone; a defect of a task is logged."""
    info = None if problem is None else (type(problem), problem, None)

    assert is_news(logging.LogRecord(name, logging.ERROR, "f", 1, "text", (), info)) is expected


@pytest.mark.timeout(60)  # a process starts in real time
def test_sigterm_ends_a_run_of_a_shared_batch_gracefully(
    live: Sandbox, postgres_server: PostgresServer, new_database: str, tmp_path: Path
) -> None:
    """The create in flight is finished, the rest is given back, and the exit code says that jobs are left."""
    live.faults.add("POST /videos", "delay", seconds=3.0, times=None)
    jobs = tmp_path / "jobs.jsonl"
    rows: List[Any] = [{"template_id": TEMPLATE, "prompt": key, "key": key} for key in "abc"]
    jobs.write_text("\n".join(map(json.dumps, rows)))
    command = [*BLUMA, "batch", "run", str(jobs), "--journal", new_database, "--out", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    ) as process:
        is_sent = lambda: any(record.method == "POST" for record in live.requests)  # noqa: E731 - short
        wait_until(is_sent, process)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        output, _ = process.communicate(timeout=30)
        took = time.monotonic() - began

    states = postgres_server.fetch(new_database, STATES)
    assert process.returncode == 143, output
    assert "continue with: bluma batch run" in output
    assert sorted(states) == [("planned", False), ("planned", False), ("rendering", False)]
    assert live.state()["billed"] == 1
    assert took < 10

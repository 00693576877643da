"""The command `bluma batch audit`: also after a batch was killed again and again."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.request_log import RequestRecord
from tests.cli.test_cli import COMMAND, run

POLL = ["--poll-interval", "0.01", "--settle-time", "0"]
KEYS = ("sky", "cat", "byte", "rain")


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    """Give a file of four jobs, the last of which fails."""
    file = tmp_path / "jobs.csv"
    rows = [f"ugc-text-overlay,{key} {'[fail]' if key == 'rain' else ''},{key}" for key in KEYS]
    file.write_text("\n".join(["template_id,prompt,key", *rows]), encoding="utf-8")
    return file


def test_a_journal_that_matches(live: Sandbox, jobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, and the sums of both sides."""
    where = ["--out", str(tmp_path / "v")]
    run(["batch", "run", str(jobs), *where, *POLL])
    capsys.readouterr()

    code = run(["batch", "audit", *where])

    assert code == 0
    assert capsys.readouterr().out.splitlines() == [
        "4 videos in the journal, 6 transactions read",
        "8 credits charged, 2 refunded by the journal",
        "Everything matches.",
    ]


def test_a_journal_that_does_not_match(
    live: Sandbox, jobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, and a line for each difference: paid and unknown, known and unpaid, other sums, and refunds."""
    where = ["--out", str(tmp_path / "v")]
    run(["batch", "run", str(jobs), *where, *POLL, "--concurrency", "1"])
    with contextlib.closing(sqlite3.connect(tmp_path / "v" / "journal.sqlite")) as journal, journal:
        ids = [row[0] for row in journal.execute("SELECT id FROM videos ORDER BY place")]
        journal.execute("UPDATE videos SET id = 'batch_ghost' WHERE place = 1")
        journal.execute("UPDATE videos SET charged = 3 WHERE place = 2")
        journal.execute("UPDATE videos SET refunded = 2 WHERE place = 3")
        journal.execute("UPDATE videos SET refunded = 0 WHERE place = 4")
    capsys.readouterr()

    code = run(["batch", "audit", *where])

    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    assert sorted(lines[:5]) == [
        f"missing refund  {ids[2]}  byte  2 credits refunded in the journal, 0 in the account",
        f"other charge  {ids[1]}  cat  3 credits in the journal, 2 paid",
        f"unknown payment  {ids[0]}  2 credits paid, 0 refunded; not in the journal",
        f"unknown refund  {ids[3]}  rain  0 credits refunded in the journal, 2 in the account",
        "unpaid  batch_ghost  sky  2 credits in the journal; the account has no payment",
    ]
    assert lines[5:] == [
        "4 videos in the journal, 6 transactions read",
        "9 credits charged, 2 refunded by the journal",
        "5 difference(s).",
    ]


@pytest.mark.parametrize("command", [["audit"], ["status"], ["retry"], ["adopt", "k", "batch_1"]])
def test_bad_input(live: Sandbox, tmp_path: Path, command: List[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 without a journal, also in a folder that exists, and without its place. Nothing is created."""
    for folder in (tmp_path / "v", tmp_path):
        assert run(["batch", *command, "--out", str(folder)]) == 2
        assert "There is no journal at" in capsys.readouterr().err

    assert run(["batch", *command]) == 2
    assert "Give --out or --journal" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_kills_between_create_and_answer(
    live: Sandbox, jobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The create is billed, and its process is killed before the answer, twice.

    The audit finds each payment; after the jobs have adopted their videos, everything matches.
    """
    where = ["--out", str(tmp_path / "v")]
    command = [*COMMAND, "batch", "run", str(jobs), *where, *POLL, "--exclusive-key", "--concurrency", "1"]
    processes: List[subprocess.Popen[bytes]] = []

    def kill(record: RequestRecord) -> None:
        if record.route == "POST /videos":
            processes[-1].send_signal(signal.SIGKILL)

    live.watch(kill)
    codes, audits = [], []
    for _ in range(2):
        processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, env=dict(os.environ)))
        codes.append(processes[-1].wait(15))
        audits.append(run(["batch", "audit", *where]))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("unknown payment  batch_")]
    last = run(["batch", "run", str(jobs), *where, *POLL, "--exclusive-key"])

    assert (codes, audits) == ([-signal.SIGKILL] * 2, [1] * 2)
    assert len(set(lines)) == len(lines) == 2
    assert (last, run(["batch", "audit", *where])) == (1, 0)
    out = capsys.readouterr().out
    assert "4 jobs: 3 saved, 1 failed\n8 credits charged, 2 refunded, 6 net\n" in out
    assert live.state()["billed"] == 4

"""The command `bluma batch`."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bluma.types import BatchPlan, BatchResult, JobState, PlannedCost
from bluma_async import errors
from bluma_async.cli.batch_run import choose_exit_code
from bluma_async.cli.planning import describe_plan
from bluma_async.cli.table import LiveTable
from bluma_async.sandbox import Sandbox
from bluma_async.stores.jobs import BatchStatus
from tests.cli.test_cli import run
from tests.live import Live

COMMAND = """
import signal
from bluma.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""
POLL = ["--poll-interval", "0.01"]


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    """Give a file of three jobs, one of which fails."""
    file = tmp_path / "jobs.csv"
    rows = ["template_id,prompt,key", "ugc-text-overlay,Why is the sky blue?,sky"]
    rows += ["cat-explainer-v2,Hello [fail],cats", "cat-explainer-v2,Bytes,byte"]
    file.write_text("\n".join(rows), encoding="utf-8")
    return file


def test_run_again_status_and_retry(
    live: Sandbox, jobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line for each job, then the sums; exit code 1 while a job is unfinished; no job is run twice."""
    where = ["--out", str(tmp_path / "videos")]

    codes = [run(["batch", "run", str(jobs), *where, *POLL]), run(["batch", "run", str(jobs), *where, *POLL])]
    out = capsys.readouterr().out
    retried = run(["batch", "retry", *where, *POLL])
    monkeypatch.delenv("BLUMA_API_KEY")
    status = run(["batch", "status", *where])
    output = capsys.readouterr().out

    assert codes == [1, 1]
    assert f"saved  sky  {tmp_path / 'videos' / 'sky.mp4'}  2 credits\n" in out
    assert out.count("saved  ") == 2
    assert out.endswith("3 jobs: 2 saved, 1 failed\n6 credits charged, 2 refunded, 4 net\n")
    assert (retried, status) == (1, 0)
    assert "failed  cats  Video batch_" in output
    assert output.count("8 credits charged, 4 refunded, 4 net") == 2
    assert live.state()["billed"] == 4


def test_jobs_in_doubt_are_listed_and_adopted(
    live: Sandbox, jobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`status` lists the candidates, `run` shows the commands that settle the job, and `adopt` settles it."""
    where = ["--out", str(tmp_path / "videos")]
    run(["batch", "run", str(jobs), *where, *POLL])
    with contextlib.closing(sqlite3.connect(tmp_path / "videos" / "journal.sqlite")) as journal, journal:
        (video_id,) = journal.execute("SELECT video_id FROM jobs WHERE key = 'sky'").fetchone()
        journal.execute("DELETE FROM videos WHERE id = ?", (video_id,))
        change = "UPDATE jobs SET state = 'in_doubt', video_id = NULL, candidates = ? WHERE key = 'sky'"
        journal.execute(change, (f'["{video_id}", "batch_other"]',))
    capsys.readouterr()

    code = run(["batch", "run", str(jobs), *where, *POLL])
    run(["batch", "status", *where])
    output, advice = capsys.readouterr()
    adopted = run(["batch", "adopt", "sky", video_id, *where])
    run(["batch", "run", str(jobs), *where, *POLL])

    assert (code, adopted) == (1, 0)
    assert f"bluma batch adopt KEY VIDEO_ID --out {where[1]}, or bluma batch retry --in-doubt resubmit --out" in advice
    assert f"in doubt  sky  {video_id} batch_other" in output
    assert "2 saved, 1 failed" in capsys.readouterr().out
    assert live.state()["billed"] == 3


def test_a_new_sandbox_touches_no_journal_that_stays(
    live: Sandbox, jobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --sandbox, a run and its plan have a journal of their own; what needs earlier jobs is refused."""
    where = ["--out", str(tmp_path / "videos")]
    run(["batch", "run", str(jobs), *where, *POLL])
    with contextlib.closing(sqlite3.connect(tmp_path / "videos" / "journal.sqlite")) as journal, journal:
        journal.execute("UPDATE jobs SET state = 'in_doubt' WHERE key = 'cats'")
        before = list(journal.iterdump())
    for file in (tmp_path / "videos").glob("*.mp4"):  # a run refuses files that its journal does not know
        file.unlink()
    monkeypatch.delenv("BLUMA_BASE_URL")
    monkeypatch.delenv("BLUMA_API_KEY")
    capsys.readouterr()

    planned = run(["batch", "run", str(jobs), *where, "--dry-run", "--sandbox"])
    codes = [
        run(["batch", *command, *where, "--sandbox"])
        for command in (["retry", "--in-doubt", "resubmit"], ["audit"], ["adopt", "cats", "batch_1"])
    ]

    with contextlib.closing(sqlite3.connect(tmp_path / "videos" / "journal.sqlite")) as journal:
        after = list(journal.iterdump())
    out, err = capsys.readouterr()
    assert (planned, codes, after == before) == (0, [2, 2, 2], True)
    assert out.startswith("3 jobs: 3 new\n")
    assert err.count("Nothing was changed.") == 3


def test_too_few_credits(live: Sandbox, jobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The output says why the batch stopped. The same command would stop again, so it is not printed."""
    code = run(["batch", "run", str(jobs), "--out", str(tmp_path / "v"), "--max-credits", "2", *POLL])

    err = capsys.readouterr().err
    assert code == 1
    assert "Stopped early: The next video costs 2 credits" in err
    assert "raise --max-credits to continue" in err
    assert "Continue with" not in err


def test_a_balance_that_is_used_up(
    jobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API refuses the next create: the exit code is that of too few credits."""
    with Live(at_once=True, credits=2) as sandbox:
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        code = run(["batch", "run", str(jobs), "--out", str(tmp_path / "v"), *POLL])

    assert code == 3
    assert "Stopped early: " in capsys.readouterr().err


def test_a_job_without_its_file_is_not_finished(live: Sandbox, tmp_path: Path) -> None:
    """With --out the video must be saved; without it, a rendered video is all that was wanted."""
    live.faults.add("GET /cdn/{place}", "status", status=404, times=None)
    file = tmp_path / "jobs.csv"
    file.write_text("template_id,prompt,key\nugc-text-overlay,Hello,k\n", encoding="utf-8")

    saving = run(["batch", "run", str(file), "--out", str(tmp_path / "v"), *POLL])
    rendering = run(["batch", "run", str(file), "--journal", str(tmp_path / "j.sqlite"), *POLL])

    assert (saving, rendering) == (1, 0)


def test_the_exit_code_of_a_run_that_stopped_early() -> None:
    """It is never 0; what the API has answered decides, and else it is a failure."""
    status = BatchStatus(total=1, saved=1)
    stops = [errors.InsufficientCreditsError("x"), errors.BlumaError("the disk is full")]
    answered = errors.InsufficientCreditsError("x", http_status=402)

    codes = [choose_exit_code(status, stop, saves_files=True) for stop in (None, answered, *stops)]

    assert codes == [0, 3, 1, 1]


def test_bad_input(live: Sandbox, jobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2; the message names row and column, or the missing option."""
    jobs.write_text("template_id,prompt\nnope,x\n", encoding="utf-8")

    codes = [run(["batch", "run", str(jobs), "--out", str(tmp_path / "v")]), run(["batch", "run", str(jobs)])]

    err = capsys.readouterr().err
    assert codes == [2, 2]
    assert "jobs.csv, row 2, template_id: there is no template 'nope'" in err
    assert "journal" in err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_ctrl_c_shows_how_to_continue(jobs: Path, tmp_path: Path) -> None:
    """Exit code 130 and the command that continues the batch, without a traceback."""
    with Live() as sandbox:
        environment = {**os.environ, "BLUMA_BASE_URL": sandbox.base_url, "BLUMA_API_KEY": sandbox.live_key}
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "batch", "run", str(jobs), "--out", str(tmp_path / "v"), *POLL],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        while sandbox.state()["billed"] < 2:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=15)

    assert process.returncode == 130
    assert f"Stopped. Nothing is lost; continue with: bluma batch run {jobs} --out {tmp_path / 'v'}" in err
    assert "Stopped" not in out
    assert "Traceback" not in err


def test_the_live_table() -> None:
    """Running jobs are rows of the table; finished jobs are lines above it."""
    from rich.console import Console
    from rich.live import Live as RichLive

    console = Console(record=True, width=100, force_terminal=True)
    table = LiveTable(RichLive(console=console))
    for number in range(22):
        table.change(BatchResult(key=f"k{number}", state=JobState.RENDERING, video_id=f"batch_{number}"))
    console.print(table)
    table.end(BatchResult(key="k0", state=JobState.SAVED, path="k0.mp4", credits_charged=2))

    text = console.export_text()
    assert "batch_19" in text
    assert "batch_20" not in text
    assert "and 2 more" in text
    assert "saved  k0  k0.mp4  2 credits" in text


def test_a_dry_run_shows_the_plan_and_creates_nothing(
    live: Sandbox, jobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Jobs, prices, balance, requests and disk space; exit code 0."""
    where = ["--out", str(tmp_path / "videos"), "--max-credits", "3"]

    code = run(["batch", "run", str(jobs), "--dry-run", *where])
    lines = capsys.readouterr().out.splitlines()

    assert code == 0
    assert lines[:5] == [
        "3 jobs: 3 new",
        "  cat-explainer-v2, default resolution: 2 videos, 4 credits (2 each)",
        "  ugc-text-overlay, default resolution: 1 videos, 2 credits (2 each)",
        "Credits: 6 needed; balance 500, 494 after the run",
        "The run would stop before --max-credits 3 is exceeded.",
    ]
    assert lines[5].startswith("Requests: at least 9; 49")
    assert lines[6].startswith("Disk: about 28.2 MB needed, ")
    assert lines[7:] == ["Nothing was created."]
    assert (live.state()["jobs"], (tmp_path / "videos").exists()) == ({"test": 0, "live": 0}, False)


def test_videos_that_were_bought_before_are_reused(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --reuse content, another folder gets the same video, and the line of the job says so."""
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("template_id,prompt,key\nugc-text-overlay,Why is the sky blue?,sky\n", encoding="utf-8")

    codes = [
        run(["batch", "run", str(jobs), "--out", str(tmp_path / name), "--reuse", "content", *POLL])
        for name in ("one", "two")
    ]
    lines = capsys.readouterr().out.splitlines()

    assert (codes, live.state()["billed"]) == ([0, 0], 1)
    assert f"saved  sky  {tmp_path / 'one' / 'sky.mp4'}  2 credits" in lines
    assert f"saved  sky  {tmp_path / 'two' / 'sky.mp4'}  reused" in lines


def test_a_dry_run_of_invalid_jobs_fails(
    live: Sandbox, jobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is that of invalid arguments, and each row is named."""
    with jobs.open("a", encoding="utf-8") as file:
        file.write("\nno-such-template,x,y\n")

    code = run(["batch", "run", str(jobs), "--dry-run", "--journal", str(tmp_path / "journal.sqlite")])

    assert code == 2
    assert "  jobs.csv, row 5, template_id: there is no template 'no-such-template'." in capsys.readouterr().out


def test_the_lines_of_a_plan() -> None:
    """What is unknown is said to be unknown; a balance or disk too small and a long run are pointed out."""
    costs = [
        PlannedCost(variant_id="var_1", resolution="4k", jobs=2),
        PlannedCost(template_id="t", variant_id="var_2", jobs=1, credits_each=3, credits=3),
    ]
    unknown = BatchPlan(total=3, new=3, costs=costs, requests=6)
    poor = BatchPlan(credits=9, balance=5, balance_after=-4, requests=300, requests_per_hour=100, requests_left=50)
    poor.hours, poor.bytes_needed, poor.bytes_free = 2.5, 3 * 10**15, 999

    assert list(describe_plan(unknown)) == [
        "3 jobs: 3 new",
        "  var_1 of unknown template, 4k: 2 videos, price unknown",
        "  var_2 of t, default resolution: 1 videos, 3 credits (3 each)",
        "Credits: unknown needed",
        "Requests: at least 6",
        "Nothing was created.",
    ]
    assert list(describe_plan(poor)) == [
        "0 jobs: none",
        "Credits: 9 needed; balance 5, -4 after the run",
        "The balance does not suffice: the run would stop when it is used up.",
        "Requests: at least 300; 50 of 100 an hour are left, so the run takes at least 2.5 hours",
        "Disk: about 3e+03 TB needed, 999 B free",
        "The space does not suffice: the run would stop when it is used up.",
        "Nothing was created.",
    ]


@pytest.mark.parametrize(
    ("name", "text", "code", "message"),
    [
        ("a.csv", "", 2, "a.csv, row 1, row: the file is empty; it must begin with a header"),
        ("a.csv", "template_id,prompt\n", 0, "a.csv has no jobs."),
        ("a.jsonl", "\n", 0, "a.jsonl has no jobs."),
    ],
)
def test_a_file_without_jobs_is_noticed(
    live: Sandbox, tmp_path: Path, name: str, text: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that failed to write its jobs is not reported as a success without a word."""
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")

    assert run(["batch", "run", str(file), "--out", str(tmp_path / "v")]) == code
    assert message in capsys.readouterr().err

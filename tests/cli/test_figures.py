"""The figures of a running batch, its table on narrow terminals, and batches in a sandbox."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, List, Optional

import pytest
from rich.cells import cell_len
from rich.console import Console

from bluma import RateLimit
from bluma.types import BatchResult, BatchStatus, JobState
from bluma_async.cli.figures import Figures, estimate_seconds, format_seconds, shorten
from bluma_async.cli.table import Lines, LiveTable
from bluma_async.sandbox import Sandbox
from tests.cli.test_cli import run

LONG = "campaign-2026-winter-video-of-the-sky-in-the-evening-0001"


def make_figures(saved: int, **more: Any) -> Figures:
    """Return the figures of a batch of 40 jobs."""
    status = BatchStatus(total=40, saved=saved, credits_charged=2 * saved, **more)
    return Figures(status, saved, 10.0 * saved, 4 * saved, None)


def limit(remaining: int, reset_after: Optional[float] = 600.0) -> RateLimit:
    """Return a budget of 100 requests an hour."""
    return RateLimit(limit=100, remaining=remaining, reset_after=reset_after)


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (None, 300.0),
        (limit(120), 300.0),  # the budget suffices
        (limit(20, None), 300.0),
        (limit(20), 600.0 + 3600.0),  # 100 requests more are needed: the whole next hour
        (limit(0), 600.0 + 3600.0 + 720.0),
        (limit(110), 600.0 + 360.0),
    ],
)
def test_the_time_left_is_that_of_the_speed_or_of_the_budget(budget: Any, expected: float) -> None:
    """30 jobs are left at 10 s and 4 requests each, so 120 requests: a small budget makes it longer."""
    assert estimate_seconds(30, 10, 100.0, 40, budget) == pytest.approx(expected)
    assert estimate_seconds(30, 0, 100.0, 40, budget) is None


def test_the_figures_in_words() -> None:
    """Done of total, percent, credits, and the time left; failures only if there are any."""
    assert make_figures(12).describe() == "12 of 40 done (30 %), 24 credits, about 5 min left"
    assert (
        make_figures(10, failed=2, in_doubt=1)
        .describe()
        .startswith("13 of 40 done (32 %), 20 credits, 2 failed, 1 in doubt")
    )
    assert [format_seconds(seconds) for seconds in (0.2, 89, 600, 9000)] == ["1 s", "89 s", "10 min", "2.5 h"]


def test_a_log_has_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    """More looks at the same tenth print nothing; a small batch has the lines of its jobs alone."""
    lines, small = Lines(), Lines()
    for saved in (0, 1, 4, 5, 7, 8, 40, 40):
        lines.measure(make_figures(saved))
    small.measure(Figures(BatchStatus(total=3, saved=2), 2, 1.0, 1, None))

    err = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in err] == [
        "4 of 40 done (10 %)",
        "8 of 40 done (20 %)",
        "40 of 40 done (100 %)",
    ]


@pytest.mark.parametrize(
    ("width", "shown"), [(24, "cam"), (40, "campaign-202"), (50, "campaig"), (100, "campaign-2026-winter")]
)
def test_the_table_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int, shown: str) -> None:
    """Keys lose their middle, never their ends; narrow terminals get fewer columns. The title has the figures."""
    monkeypatch.setenv("COLUMNS", str(width))
    table = LiveTable(type("Live", (), {})())
    table.change(BatchResult(key=LONG, state=JobState.RENDERING, video_id="batch_0123456789abcdef"))
    table.measure(make_figures(12))
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as captured:
        console.print(table)

    lines: List[str] = captured.get().splitlines()
    (row,) = [line for line in lines if "rendering" in line]
    assert all(len(line) <= width for line in lines)
    assert shown in row
    assert "01 " in row
    assert ("batch_0123456789abcdef" in row) == (width >= 70)
    assert "12 of 40 done" in " ".join(lines)


def test_wide_keys_keep_the_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A character of two columns counts as two: the key is shortened in its middle, and its end is shown."""
    monkeypatch.setenv("COLUMNS", "80")
    table = LiveTable(type("Live", (), {})())
    table.change(
        BatchResult(
            key="\u7d42\u308f\u308a" * 20 + "-0001", state=JobState.RENDERING, video_id="batch_0123456789abcdef"
        )
    )
    table.change(BatchResult(key="\U0001f469\u200d\U0001f467" * 20 + "-0002", state=JobState.RENDERING))
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as captured:
        console.print(table)

    lines = captured.get().splitlines()
    assert [line for line in lines if "rendering" in line and ("0001 " in line or "0002 " in line)] == lines[-3:-1]
    assert all(cell_len(line) <= 80 for line in lines)


def test_a_text_loses_its_middle() -> None:
    """The ends stay, because keys often differ there alone."""
    assert shorten("short", 10) == "short"
    assert len(shorten(LONG, 11)) == 11
    assert (shorten(LONG, 11)[:5], shorten(LONG, 11)[-5:]) == ("campa", "-0001")
    for width in range(3, 60):
        assert cell_len(shorten("\u7d42\u308f\u308a-" * 12, width)) in {width - 2, width - 1, width}


def test_a_batch_in_a_sandbox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`batch run --sandbox` saves files, keeps no journal of an API that has ended, and prints JSON."""
    jobs = tmp_path / "jobs.jsonl"
    rows = [{"template_id": "ugc-text-overlay", "prompt": "Hello", "key": key} for key in ("a", "b")]
    jobs.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    code = run(["batch", "run", str(jobs), "--out", str(tmp_path / "v"), "--sandbox", "--json"])

    out, err = capsys.readouterr()
    results = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert {(result["key"], result["state"]) for result in results} == {("a", "saved"), ("b", "saved")}
    assert "2 jobs: 2 saved" in err
    assert sorted(path.name for path in (tmp_path / "v").iterdir()) == ["a.mp4", "b.mp4"]


def test_plans_states_and_audits_are_json(live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object for a plan and a state; one a line for the differences of an audit."""
    jobs, where = tmp_path / "jobs.csv", ["--out", str(tmp_path / "v")]
    jobs.write_text("template_id,prompt,key\nugc-text-overlay,Hello,a\n", encoding="utf-8")

    codes, printed = [], []
    for arguments in (
        ["run", str(jobs), "--dry-run"],
        ["run", str(jobs), "--poll-interval", "0.01"],
        ["status"],
        ["audit"],
    ):
        codes.append(run(["batch", *arguments, *where, "--json"]))
        printed.append([json.loads(line) for line in capsys.readouterr().out.splitlines()])

    plan, results, status, mismatches = printed
    assert codes == [0, 0, 0, 0]
    assert (plan[0]["new"], results[0]["state"], status[0]["saved"], mismatches) == (1, "saved", 1, [])

"""The commands say early that no answer comes, and which status they do not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, List

import pytest

from bluma import StatusInfo
from bluma_async import errors
from bluma_async._runtime.log import logger
from bluma_async._session.pauses import BudgetPause, Pauses
from bluma_async.cli.printed_log import printed_log
from bluma_async.cli.table import Lines, LiveTable
from bluma_async.cli.waiting import Target, wait_and_save
from bluma_async.errors import NetworkError
from bluma_async.sandbox import Sandbox
from tests.cli.commands import running
from tests.cli.test_batch import POLL, jobs
from tests.cli.test_cli import run
from tests.fakes import VIDEO, FakeClock, answer, client_with

__all__ = ["jobs"]  # a fixture
WAIT = {"poll_interval": 5.0, "timeout": 600.0, "final_statuses": ()}


def make_target(folder: Path, **wait: Any) -> Target:
    """Return the file x.mp4 in a folder as the target of a save."""
    file = folder / "x.mp4"
    return Target(file, file, overwrite=False, verify="size", wait={**WAIT, **wait})


@pytest.fixture
def save(tmp_path: Path) -> Iterator[None]:
    """Run the test as the command `save`, because the command that continues has its options."""
    with running("save", "batch_1", "-o", str(tmp_path / "x.mp4")):
        yield


@pytest.mark.usefixtures("save")
async def test_save_says_early_that_no_answer_comes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After 10 s one line names the failure; the error at the end claims nothing about a video that was never seen."""
    client, _, _ = client_with(NetworkError("Cannot connect to api.example.com"), max_retries=0)

    with pytest.raises(errors.WaitTimeoutError, match=r"no answer came in 600 s, so video batch_1 was never seen"):
        await wait_and_save(client, "batch_1", make_target(tmp_path))

    first, last = capsys.readouterr().err.splitlines()
    assert first == "No answer from the API for 10 s; still trying. Cannot connect to api.example.com"
    assert last == f"Continue with: bluma save batch_1 -o {tmp_path / 'x.mp4'}"


@pytest.mark.usefixtures("save")
async def test_an_unknown_status_is_shown_and_can_end_the_wait(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command names the status; with --final-status it stops at it, saves nothing and fails."""
    states = [answer(200, {**VIDEO, "status": status, "progress": 4}) for status in ("processing", "cancelled")]
    client, _, _ = client_with(*states)

    with pytest.raises(errors.BlumaError, match=r"has ended with the status 'cancelled'. Nothing was saved."):
        await wait_and_save(client, "batch_1", make_target(tmp_path, final_statuses=("cancelled",)))

    expected = "Rendering: 4 %\nThe status is 'cancelled', which this version does not know.\n"
    assert capsys.readouterr().err == expected
    assert list(tmp_path.iterdir()) == []


def test_final_status_is_an_option_of_the_commands(
    live: Sandbox, jobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`generate` and `batch` take it; a job that ends with it has failed, and keeps its charge."""
    live.faults.add("GET /videos/{id}", "new_status", times=None, body="cancelled")
    where = ["--out", str(tmp_path / "videos")]

    batch = run(["batch", "run", str(jobs), *where, *POLL, "--final-status", "cancelled"])
    out, err = capsys.readouterr()
    single = ["generate", "x", "-t", "ugc-text-overlay", "-o", str(tmp_path / "x.mp4"), *POLL]
    code = run([*single, "--final-status", "cancelled"])

    assert (batch, code) == (1, 1)
    assert out.count("has ended with the status 'cancelled', and has no file.") == 3
    assert out.endswith("3 jobs: 3 failed\n6 credits charged, 0 refunded, 6 net\n")
    assert err.count("The status is 'cancelled', which this version does not know.") == 3
    assert "has ended with the status 'cancelled'. Nothing was saved." in capsys.readouterr().err


def test_the_news_of_a_batch(capsys: pytest.CaptureFixture[str]) -> None:
    """They are printed to stderr, or above the live table; a usual status needs no line."""
    printed: List[str] = []

    class Console:
        def print(self, line: str, **_: Any) -> None:
            printed.append(line)

    table = LiveTable(type("Live", (), {"console": Console()})())
    for info in (
        StatusInfo(id="v", status=None, elapsed=10.0, error=NetworkError("cut")),
        StatusInfo(id="v", status="processing"),
    ):
        table.report(info)
        Lines().report(info)

    assert printed == ["No answer from the API for 10 s; still trying. cut"]
    assert capsys.readouterr().err == "No answer from the API for 10 s; still trying. cut\n"


def test_a_spent_budget_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Many waits report the same pause; the line comes from the log of the SDK, whose other lines are not printed."""
    clock, pauses, pause = FakeClock(), Pauses(), BudgetPause(0, 8, 60.0)

    with printed_log():
        for _ in range(3):
            pauses.note(pause, clock)
            Lines().report(StatusInfo(id="v", status=None, error=errors.RateLimitError(pause.describe())))
        logger.warning("Something else.")
    Pauses().note(pause, clock)

    assert capsys.readouterr().err.splitlines() == [pause.describe(clock.utc())]

"""Creates without an answer on the command line: the options, Ctrl-C, the errors, and jobs in doubt."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple
from urllib.request import urlopen

import attrs
import pytest

from bluma_async._session.options import Options
from bluma_async.cli.running import SETTLE_TIME
from bluma_async.cli.settling import settle_interrupted
from bluma_async.sandbox import Sandbox
from tests.cli.test_cli import run
from tests.fakes import answer, client_with, list_videos
from tests.live import Live

COMMAND = """
import signal
from bluma.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""
needs_sigint = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """Give a sandbox in another thread, with the clock of the commands, and its URL and key in the environment."""
    with Live(clock="real") as sandbox:
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        monkeypatch.setenv("BLUMA_STATE_DIR", str(tmp_path / "state"))
        yield sandbox


def generate(tmp_path: Path, *options: str) -> List[str]:
    """Return the arguments of a command that makes a video."""
    return ["generate", "x", "-t", "ugc-text-overlay", "-o", str(tmp_path / "x.mp4"), *options]


def interrupt(
    arguments: List[str],
    when: Callable[[Any], Any],
    *,
    then: Callable[[Any], None] = lambda _: None,
    number: int = signal.SIGINT,
) -> Tuple[int, str, str]:
    """Start a command, send Ctrl-C or another signal when a moment has come, and return its exit code and output."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509 - no threads here; `nohup` has programs ignore a hang-up
    )
    when(process)
    process.send_signal(number)
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, process.stderr:
        first = next(line for line in process.stderr if line.strip())  # click ends the line of the ^C
        then(process)
        # Not communicate(): it would miss what the loop has read ahead.
        out, err = process.stdout.read(), process.stderr.read()
    return process.wait(), out, first + err


def request_seen(sandbox: Sandbox, route: str) -> Callable[[Any], Any]:
    """Return a function that waits until the sandbox has answered a request of this route."""
    seen = threading.Event()
    sandbox.watch(lambda record: seen.set() if record.route == route else None)
    return lambda _: seen.wait(10)


def wait_for_retry(process: Any) -> None:
    """Wait until the command logs that it will try again."""
    while "the next in" not in process.stderr.readline():
        assert process.poll() is None


def billed(sandbox: Sandbox) -> Callable[[Any], Any]:
    """Return a function that waits until a create was billed, which may never be answered."""

    def wait(process: Any) -> None:
        while True:
            with urlopen(sandbox.origin + "/_sandbox/state") as answer:  # the sandbox runs in another thread
                if json.load(answer)["billed"]:
                    return
            assert process.poll() is None

    return wait


@needs_sigint
def test_ctrl_c_during_a_create_that_was_accepted(live: Sandbox, tmp_path: Path) -> None:
    """Without evidence whose video it is: the candidate with its time, the key, and how to save it; exit code 130."""
    live.faults.add("POST /videos", "silent", times=None)

    code, out, err = interrupt(generate(tmp_path, "--settle-time", "0"), billed(live))

    (video,) = live._running.videos.newest_first()
    assert (code, out) == (130, "")
    assert err.startswith("Stopped during 1 create(s), which may have been accepted and billed.")
    assert "In doubt: a create from ugc-text-overlay; it may have been accepted and billed (Idempotency-Key " in err
    assert f"  may be its video: {video['id']}  created 20" in err
    assert f"save it with: bluma save VIDEO_ID -o {tmp_path / 'x.mp4'}" in err
    assert "nothing was" not in err.lower()


@needs_sigint
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_the_end_of_a_timeout_or_terminal_during_a_create(live: Sandbox, tmp_path: Path, name: str) -> None:
    """`timeout 60 bluma generate ...` settles the create as Ctrl-C does, with the exit code of the signal."""
    live.faults.add("POST /videos", "silent", times=None)
    number = getattr(signal, name)

    code, out, err = interrupt(generate(tmp_path, "--settle-time", "0"), billed(live), number=number)

    (video,) = live._running.videos.newest_first()
    assert (code, out) == (128 + number, "")
    assert f"  may be its video: {video['id']}  created 20" in err


@needs_sigint
def test_ctrl_c_during_a_create_with_an_exclusive_key(live: Sandbox, tmp_path: Path) -> None:
    """The video is adopted: its id, and the command that saves it."""
    live.faults.add("POST /videos", "silent", times=None)

    code, out, err = interrupt(generate(tmp_path, "--settle-time", "0", "--exclusive-key"), billed(live))

    (video,) = live._running.videos.newest_first()
    assert (code, out) == (130, "")
    assert f"The create was accepted and billed: video {video['id']}; save it with: bluma save {video['id']} -o" in err


@needs_sigint
def test_ctrl_c_during_a_create_that_was_not_accepted(live: Sandbox, tmp_path: Path) -> None:
    """The search proves it: nothing was billed."""
    live.faults.add("POST /videos", "html", status=502, times=None)

    code, out, err = interrupt(generate(tmp_path, "--settle-time", "0.1"), request_seen(live, "POST /videos"))

    assert (code, out) == (130, "")
    assert "The create was not accepted, and nothing was billed (Idempotency-Key " in err
    assert live.state()["billed"] == 0


@needs_sigint
def test_a_second_ctrl_c_ends_the_search(live: Sandbox, tmp_path: Path) -> None:
    """It ends the command at once, with the key of the create; nothing is claimed about its outcome."""
    live.faults.add("POST /videos", "html", status=502, times=None)

    code, out, err = interrupt(
        generate(tmp_path, "--settle-time", "600"),
        request_seen(live, "POST /videos"),
        then=lambda process: process.send_signal(signal.SIGINT),
    )

    assert (code, out) == (130, "")
    assert "at most about 600 s; Ctrl-C ends the search." in err
    assert "Not settled: a create from ugc-text-overlay; it may have been accepted and billed (Idempotency-Key " in err
    assert "nothing was" not in err.lower()


async def test_an_interrupted_search_prints_what_it_has_found(capsys: Any) -> None:
    """One create was found, one was refused, and one is not settled: each gets its own line."""

    async def serve(request: Any) -> Any:
        if request.method == "POST" or "template_id=slow" in request.url:
            await asyncio.Event().wait()
        found = () if "template_id=refused" in request.url else (("batch_own", "2025-11-03T10:30:30Z"),)
        is_list = "template_id=" in request.url
        return list_videos(*found) if is_list else answer(200, {"id": "batch_own", "template_id": "t"})

    client, _, _ = client_with(serve, exclusive=True)
    names = ("t", "refused", "slow")
    creates = [asyncio.ensure_future(client.videos.create({"prompt": "p"}, name)) for name in names]
    await asyncio.sleep(0.01)
    for create in creates:
        create.cancel()
    await asyncio.gather(*creates, return_exceptions=True)
    settling = asyncio.ensure_future(settle_interrupted(client, 30, "bluma save {}".format))
    while [create.video_id for create in client.open_creates] != ["batch_own", None]:
        await asyncio.sleep(0)

    settling.cancel()
    await asyncio.gather(settling, return_exceptions=True)

    _, found, refused, unsettled = capsys.readouterr().err.splitlines()
    assert found == "The create was accepted and billed: video batch_own; save it with: bluma save batch_own"
    assert refused.startswith("The create was not accepted, and nothing was billed")
    assert unsettled.startswith("Not settled: a create from slow; it may have been accepted and billed")


@needs_sigint
def test_ctrl_c_before_a_retry_of_a_refused_create(
    live: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal is certain, so there is nothing to search for."""
    monkeypatch.setenv("BLUMA_LOG", "info")
    live.faults.add("POST /videos", "status", status=503, times=None)

    code, out, err = interrupt(generate(tmp_path), wait_for_retry)

    assert (code, out) == (130, "")
    assert err.startswith("Stopped. No create was accepted, and nothing was billed.\n")


@needs_sigint
def test_ctrl_c_during_the_create_of_a_batch(live: Sandbox, tmp_path: Path) -> None:
    """The command that continues the batch comes first; then the create is settled."""
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("template_id,prompt,key\nugc-text-overlay,x,sky\n", encoding="utf-8")
    live.faults.add("POST /videos", "silent", times=None)
    options = ["--out", str(tmp_path / "v"), "--settle-time", "0", "--exclusive-key"]

    code, out, err = interrupt(["batch", "run", str(jobs), *options], billed(live))

    (video,) = live._running.videos.newest_first()
    assert (code, out) == (130, "")
    command = f"bluma batch run {jobs} --out {tmp_path / 'v'} --settle-time 0 --exclusive-key"
    assert err.startswith(f"Stopped. Nothing is lost; continue with: {command}\n")
    assert f"The create was accepted and billed: video {video['id']}\n" in err


def test_a_create_in_doubt_prints_its_key_and_candidates(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 5: a script must not repeat the command."""
    live.faults.add("POST /videos", "drop_after")

    code = run(generate(tmp_path, "--settle-time", "0"))

    err = capsys.readouterr().err
    (video,) = live._running.videos.newest_first()
    assert code == 5
    assert "  Idempotency-Key: " in err
    assert f"  may be its video: {video['id']}  created 20" in err
    command = f"bluma save VIDEO_ID -o {tmp_path / 'x.mp4'}"
    assert f"If one of them is yours, save it with: {command}" in err
    assert "`candidates`" not in err


def test_an_exclusive_key_adopts_a_lost_video(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --exclusive-key a lost answer is not a failure."""
    live.faults.add("POST /videos", "drop_after")

    code = run(generate(tmp_path, "--settle-time", "0", "--exclusive-key", "--timeout", "0"))

    (video,) = live._running.videos.newest_first()
    assert code == 6  # the wait of 0 s is over
    assert f"Video {video['id']}\n" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["generate", "batch"])
@pytest.mark.parametrize("value", ["-1", "nan", "soon"])
def test_an_invalid_settle_time_is_refused(
    live: Sandbox, tmp_path: Path, command: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and the message names the option."""
    arguments = generate(tmp_path) if command == "generate" else ["batch", "run", "x.csv", "--out", str(tmp_path)]

    assert run([*arguments, "--settle-time", value]) == 2
    assert "settle" in capsys.readouterr().err
    assert live.requests == []


def put_in_doubt(live: Sandbox, tmp_path: Path, candidates: str) -> List[str]:
    """Run a job, and change its journal so that it is in doubt; return the options with its place."""
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("template_id,prompt,key\nugc-text-overlay,x,sky\n", encoding="utf-8")
    where = ["--out", str(tmp_path / "v")]
    run(["batch", "run", str(jobs), *where, "--poll-interval", "0.01", "--timeout", "0"])
    (video,) = live._running.videos.newest_first()
    with contextlib.closing(sqlite3.connect(tmp_path / "v" / "journal.sqlite")) as journal, journal:
        journal.execute("DELETE FROM videos")
        change = "UPDATE jobs SET state = 'in_doubt', video_id = NULL, candidates = ? WHERE key = 'sky'"
        journal.execute(change, (candidates.replace("VIDEO", video["id"]),))
    return where


def test_the_likely_candidate_is_adopted(live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--likely adopts the first candidate, and prints which one it is."""
    where = put_in_doubt(live, tmp_path, '["VIDEO", "batch_other"]')
    (video,) = live._running.videos.newest_first()
    capsys.readouterr()

    code = run(["batch", "adopt", "sky", "--likely", *where])

    assert code == 0
    assert capsys.readouterr().out == (
        f"The first of 2 candidate(s) of sky: {video['id']}\n"
        f"{video['id']} is the video of sky. Run the batch again to save it.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sky"], "either VIDEO_ID or --likely"),
        (["sky", "batch_1", "--likely"], "either VIDEO_ID or --likely"),
        (["sky", "--likely"], "no candidates are recorded"),
        (["sea", "--likely"], "there is no such job in doubt"),
    ],
)
def test_what_cannot_be_adopted(
    live: Sandbox, tmp_path: Path, arguments: List[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and nothing is changed."""
    where = put_in_doubt(live, tmp_path, "[]")

    assert run(["batch", "adopt", *arguments, *where]) == 2
    assert message in capsys.readouterr().err
    assert run(["batch", "status", *where]) == 0
    assert "in doubt  sky" in capsys.readouterr().out


def test_the_default_of_settle_time_is_the_clients() -> None:
    """The command has the number itself, because `--help` must not load the client."""
    assert attrs.fields(Options).settle_time.default == SETTLE_TIME

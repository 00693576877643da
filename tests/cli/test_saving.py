"""Where the commands write to, what they accept, and what they print when a paid video could not be saved."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sys
from pathlib import Path
from typing import Any, List
from urllib.request import Request, urlopen

import pytest

from bluma_async.sandbox import Sandbox
from tests.cli.test_cli import run

QUICK = ["--poll-interval", "0.01"]
ROUTE = "GET /cdn/{place}"


def generate(target: Path, *options: str) -> int:
    """Generate a video, and save it."""
    return run(["generate", "Hello", "-t", "ugc-text-overlay", "-o", str(target), *QUICK, *options])


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes in folders")
@pytest.mark.parametrize("command", [["generate", "x", "-t", "t"], ["save", "batch_1"]])
@pytest.mark.parametrize(
    ("target", "message"),
    [("/proc/x.mp4", "'/proc/x.mp4' cannot be written"), ("PIPE", "is a pipe"), ("FOLDER", "is a folder")],
)
def test_a_target_that_cannot_be_written_costs_nothing(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: List[str], target: str, message: str
) -> None:
    """It is refused before anything is sent, with exit code 2, and stays as it is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    place = {"FOLDER": str(tmp_path), "PIPE": str(pipe)}.get(target, target)

    assert run([*command, "-o", place, "--overwrite"]) == 2

    err = capsys.readouterr().err
    assert (message in err, "Nothing was sent" in err) == (True, True)
    assert (live.requests, list(tmp_path.iterdir())) == ([], [pipe])


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--timeout", "-1"], "timeout"),
        (["--timeout", "nan"], "timeout"),
        (["--poll-interval", "0"], "poll_interval"),
        (["--final-status", ""], "final_statuses"),
    ],
)
def test_an_invalid_wait_costs_nothing(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: List[str], name: str
) -> None:
    """A single video, a batch and a save refuse it before anything is sent, with exit code 2."""
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("template_id,prompt,key\nugc-text-overlay,Hello,k\n", encoding="utf-8")
    target = ["-o", str(tmp_path / "x.mp4")]

    codes = [
        run(["generate", "Hello", "-t", "ugc-text-overlay", *target, *options]),
        run(["batch", "run", str(jobs), "--out", str(tmp_path / "out"), *options]),
        run(["save", "batch_1", *target, *options]),
    ]

    err = capsys.readouterr().err
    assert (codes, live.requests) == ([2, 2, 2], [])
    assert (err.count(f"Error: {name} must "), err.count("Nothing was sent.")) == (3, 3)


def find_id(out: str) -> str:
    """Return the id of the video that `generate` has printed."""
    return out.split()[1].rstrip(":")


def test_a_full_disk_prints_the_id_and_the_command(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes stay, and the printed command goes on with them."""
    target = tmp_path / "x.mp4"

    def fail(_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        code = generate(target)
    out, err = capsys.readouterr()
    video_id = find_id(out)

    assert (code, "No space left on device" in err) == (1, True)
    assert f"Video {video_id} is not lost" in err
    assert f"bluma save {video_id} -o {target}" in err
    assert (tmp_path / "x.mp4.part").exists()
    assert run(["save", video_id, "-o", str(target)]) == 0
    assert ([path.name for path in tmp_path.iterdir()], live.state()["billed"]) == (["x.mp4"], 1)


def test_a_price_that_is_not_known_is_null(live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the answer to a create has it: other processes do not know it, and say so in JSON and tables."""
    assert generate(tmp_path / "x.mp4", "--json") == 0
    made = json.loads(capsys.readouterr().out.splitlines()[-1])
    body = json.dumps({"template_id": "ugc-text-overlay", "context": {"prompt": "x"}}).encode()
    headers = {"Authorization": f"Bearer {os.environ['BLUMA_API_KEY']}", "Content-Type": "application/json"}
    with urlopen(Request(f"{live.base_url}/videos", body, headers)) as answer:
        other = json.loads(answer.read())["id"]
    prices = []
    for command in (["get", other], ["wait", other, *QUICK], ["save", other, *QUICK, "-o", str(tmp_path / "y.mp4")]):
        assert run([*command, "--json"]) == 0
        prices.append(json.loads(capsys.readouterr().out.splitlines()[-1])["credits_charged"])
    assert run(["list", "--json", "--limit", "1"]) == 0
    prices.append(json.loads(capsys.readouterr().out)["credits_charged"])
    assert run(["get", other]) == 0

    assert (made["credits_charged"], prices) == (2, [None] * 4)
    assert "credits_charged" not in capsys.readouterr().out


def test_a_file_that_is_not_the_video_is_refused_and_can_be_taken(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says which video it is and how to go on; `--verify none` takes the file as it is."""
    live.faults.add(ROUTE, "status", status=200, body="html", times=None)

    code = generate(tmp_path / "x.mp4", "--verify", "container")
    out, err = capsys.readouterr()
    video_id = find_id(out)

    assert (code, "text/html" in err, "--verify none" in err) == (1, True, True)
    assert f"Continue with: bluma save {video_id} -o {tmp_path / 'x.mp4'}" in err
    assert run(["save", video_id, "-o", str(tmp_path / "x.mp4"), "--verify", "none"]) == 0
    assert (tmp_path / "x.mp4").read_text().startswith("<html>")


def test_an_unknown_word_for_verify_is_refused(live: Sandbox, tmp_path: Path) -> None:
    """An invalid `--verify` is refused before anything is sent."""
    assert generate(tmp_path / "x.mp4", "--verify", "all") == 2
    assert live.requests == []


def test_a_batch_takes_any_file_if_it_is_told_to(live: Sandbox, tmp_path: Path) -> None:
    """Without the option the job stays rendered, and the command exits with 1; with it the job is saved."""
    live.faults.add(ROUTE, "status", status=200, body="html", times=None)
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("template_id,prompt,key\nugc-text-overlay,Hello,k\n", encoding="utf-8")
    command = ["batch", "run", str(jobs), "--out", str(tmp_path / "out"), *QUICK]

    assert run([*command, "--verify", "none"]) == 0
    assert (tmp_path / "out" / "k.mp4").exists()


def test_a_target_that_appears_while_the_video_renders_does_not_hide_its_id(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file of somebody else stays, and the command that saves the video elsewhere is printed."""
    target = tmp_path / "x.mp4"

    async def take(record: Any) -> None:
        if record.route == "POST /videos":
            await asyncio.get_running_loop().run_in_executor(None, target.write_bytes, b"mine")

    live.watch(take)
    code = generate(target)
    out, err = capsys.readouterr()

    assert (code, "already there" in err, "Nothing was sent" in err) == (1, True, False)
    assert f"Save the video to another place: bluma save {find_id(out)} -o ANOTHER_FILE.mp4" in err
    assert "--overwrite" in err
    assert "overwrite=True" not in err
    assert target.read_bytes() == b"mine"


def test_a_video_is_saved_to_a_url(live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`-o` takes the URL of a file; what is there already is replaced only with --overwrite."""
    target = tmp_path / "x.mp4"

    assert run(["generate", "x", "-t", "ugc-text-overlay", "-o", target.as_uri()]) == 0
    assert f"Saved {target}: " in capsys.readouterr().out
    assert target.stat().st_size > 0
    assert run(["generate", "x", "-t", "ugc-text-overlay", "-o", target.as_uri()]) == 2
    assert "is already there; pass --overwrite to replace it" in capsys.readouterr().err
    assert live.state()["billed"] == 1


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory://demo/x.mp4", "would end with this command"),
        ("ftp://demo/x.mp4", "not ftp://"),
        ("file://host/x.mp4", "must be file:///PATH"),
    ],
)
@pytest.mark.parametrize("command", [["generate", "x", "-t", "ugc-text-overlay"], ["save", "batch_1"]])
def test_a_url_that_keeps_no_video_is_refused(
    live: Sandbox, command: List[str], url: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is paid for a video that would vanish with the command."""
    pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")

    assert run([*command, "-o", url]) == 2
    assert message in capsys.readouterr().err
    assert live.requests == []

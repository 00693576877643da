"""The command line, as a person types it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator, List
from urllib.request import Request, urlopen

import av
import pytest

from bluma_async import cli
from bluma_async.sandbox import Sandbox
from tests.live import Live

VIDEO: Any = av  # typed in part
COMMAND = [sys.executable, "-m", "bluma"]


def run(arguments: List[str]) -> int:
    """Run the command line in a thread of its own: pytest-asyncio has a loop waiting in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(cli.run, arguments).result()


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Give a fast sandbox in a thread of its own, and the environment that leads to it."""
    with Live(clock="real", speed=5000) as sandbox:
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        yield sandbox


def test_the_readme_command_makes_a_real_video(tmp_path: Path) -> None:
    """The newcomer's first command: a playable file, its id, its price and its length."""
    target = tmp_path / "sky.mp4"
    prompt = "Explain why the sky is blue to a five year old"

    done = subprocess.run(
        [*COMMAND, "generate", prompt, "--template", "ugc-text-overlay", "--sandbox", "-o", str(target)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert done.stdout.startswith("Video batch_")
    assert ": 2 credits\n" in done.stdout
    assert f"Saved {target}: 15 s," in done.stdout
    assert done.stderr.splitlines()[-1] == "Rendering: 100 %"
    with VIDEO.open(str(target)) as container:
        assert abs(container.duration / 1_000_000 - 15) < 0.5
        assert sum(1 for _ in container.decode(video=0)) == 360


def test_without_a_key_it_says_so_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No key: one line, exit code 2, nothing written."""
    code = run(["generate", "x", "--template", "t", "-o", str(tmp_path / "x.mp4")])

    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "BLUMA_API_KEY" in err


def test_a_video_is_made_and_saved_again_by_its_id(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a key, `generate` bills one video; `save` gets it by its id."""
    arguments = ["--poll-interval", "0.01"]
    first = run(
        [
            "generate",
            "Hello",
            "-t",
            "ugc-text-overlay",
            "--resolution",
            "1080p",
            "-o",
            str(tmp_path / "a.mp4"),
            *arguments,
        ]
    )
    identifier = capsys.readouterr().out.split()[1].rstrip(":")
    again = run(["save", identifier, "-o", str(tmp_path / "b.mp4"), *arguments])
    kept = run(["save", identifier, "-o", str(tmp_path / "b.mp4"), *arguments])
    replaced = run(["save", identifier, "-o", str(tmp_path / "b.mp4"), "--overwrite", *arguments])

    assert (first, again, kept, replaced) == (0, 0, 2, 0)
    assert "already there" in capsys.readouterr().err
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert (live.state()["billed"], live.state()["credits"]) == (1, 497)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["generate", "x", "-t", "nothing"], 1, "template_id"),
        (["generate", "x [fail]", "-t", "ugc-text-overlay", "--poll-interval", "0.01"], 1, "Invalid asset URL"),
        (["generate", "x"], 2, "either --template or --variant"),
        (["generate", "x", "-t", "t", "--resolution", "8k"], 2, "8k"),
        (["generate", "x", "-t", "t", "-o", "/no/such/folder/x.mp4"], 2, "no folder"),
        (["save", "batch_nothing"], 1, "not found"),
        (["save", "x", "--timeout", "-1"], 2, "timeout"),
        (["explode"], 2, "explode"),
    ],
)
def test_what_goes_wrong_is_said_with_its_code(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: List[str], code: int, said: str
) -> None:
    """The API's and the video's failures are 1, the command's own are 2, and none shows a traceback."""
    if "-o" not in arguments and arguments != ["explode"]:
        arguments = [*arguments, "-o", str(tmp_path / "x.mp4")]

    assert run(arguments) == code
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` and `--version` end well."""
    assert (run(["--help"]), run(["--version"]), run(["generate", "-h"])) == (0, 0, 0)
    assert "sandbox" in capsys.readouterr().out


def test_ctrl_c_says_how_to_go_on(live: Sandbox, tmp_path: Path) -> None:
    """A wait that is stopped tells the id and the command that resumes it, and exits with 130."""
    live.faults.add("GET /videos/{id}", "silent", times=None)
    process = subprocess.Popen(
        [*COMMAND, "generate", "x", "-t", "ugc-text-overlay", "-o", str(tmp_path / "x.mp4")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()

    identifier = first.split()[1].rstrip(":")
    assert process.returncode == 130
    assert f"bluma save {identifier} -o {tmp_path / 'x.mp4'}" in out
    assert "Traceback" not in err


def test_the_sandbox_command_prints_what_export_takes() -> None:
    """`bluma sandbox` prints NAME=value lines, serves, logs, and ends at once when it is told to."""
    process = subprocess.Popen(
        [*COMMAND, "sandbox", "--port", "0", "--no-render", "--speed", "30"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    printed = dict(process.stdout.readline().strip().split("=", 1) for _ in range(11))
    request = Request(
        printed["BLUMA_BASE_URL"] + "/templates", headers={"Authorization": f"Bearer {printed['BLUMA_API_KEY']}"}
    )
    with urlopen(request) as answer:
        status = answer.status
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()

    assert set(printed) == {
        "BLUMA_BASE_URL",
        "BLUMA_API_KEY",
        "BLUMA_TEST_KEY",
        "BLUMA_LIVE_KEY",
        "BLUMA_WEBHOOK_SECRET",
        *(f"{name}_{what}" for name in ("KIE", "UMAMI", "VAPI") for what in ("BASE_URL", "API_KEY")),
    }
    assert (status, process.returncode) == (200, 0)
    assert err.startswith("GET /api/v1/templates 200 ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--speed", "0"], "speed"), (["--tier", "basic"], "basic"), (["--test-key", "x"], "test_key")],
)
def test_a_sandbox_that_cannot_be_is_refused(
    arguments: List[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong settings are said in one line, with code 2."""
    assert run(["sandbox", "--port", "0", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_taken_port_is_said(live: Sandbox) -> None:
    """A port that somebody else has is a message, not a traceback."""
    port = live.origin.rsplit(":", 1)[1]

    done = subprocess.run([*COMMAND, "sandbox", "--port", port], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "Choose another --port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without click the command says what to install."""
    import bluma.__main__ as entry

    monkeypatch.setitem(sys.modules, "bluma_async.cli", None)
    monkeypatch.delitem(sys.modules, "bluma_async.cli")
    monkeypatch.setitem(sys.modules, "click", None)

    with pytest.raises(SystemExit, match=r"bluma\[cli\]"):
        entry.main()

"""Closed streams, full outputs, no home folder, a deleted folder: one line and an exit code, and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest

from bluma_async.cli.accounts import find_account
from bluma_async.cli.checks import check_machine
from bluma_async.cli.completing import complete_template, remember_templates
from bluma_async.sandbox import Sandbox
from tests.cli.test_cli import run
from tests.cli.test_streams import START

posix = pytest.mark.skipif(os.name != "posix", reason="descriptors of POSIX")
FULL = Path("/dev/full")
CLOSED = """
import os, sys
os.close(int(sys.argv[1]))
os.execv(sys.executable, [sys.executable, "-c", {!r}, *sys.argv[2:]])
"""


def run_with_closed(descriptor: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process that starts without a descriptor."""
    start = [sys.executable, "-c", CLOSED.format(START), str(descriptor), *arguments]
    return subprocess.run(start, capture_output=True, text=True, check=False)


@posix
@pytest.mark.skipif(not FULL.exists(), reason="the system has no full device")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["batch", "--help"], ["templates"]])
def test_a_full_output_is_an_error(live: Sandbox, arguments: List[str]) -> None:
    """The help too: one line with the reason, and exit code 1."""
    with FULL.open("wb") as out:
        command = [sys.executable, "-c", START, *arguments]
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr == "Error: the output cannot be written: No space left on device.\n"


@posix
@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_whose_reader_stops_is_no_failure(arguments: List[str]) -> None:
    """`bluma --help | head -1` ends quietly, as the other commands do."""
    reader, writer = os.pipe()
    os.close(reader)

    command = [sys.executable, "-c", START, *arguments]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)

    assert (done.returncode, done.stderr) == (0, "")


@posix
def test_a_closed_output_is_an_error(live: Sandbox) -> None:
    """`bluma templates >&-`: Python has no stream for it. A video that would be lost there is not bought."""
    listed = run_with_closed(1, "templates")
    made = run_with_closed(1, "generate", "x", "-t", "ugc-text-overlay", "-o", "-")

    assert (listed.returncode, listed.stderr) == (1, "Error: the output cannot be written: it is closed.\n")
    assert (made.returncode, live.state()["billed"]) == (2, 0)
    assert "which is closed. Nothing was sent." in made.stderr


@posix
def test_a_closed_input_is_an_error(live: Sandbox) -> None:
    """A key or a context cannot be read from it."""
    done = [
        run_with_closed(0, "config", "set"),
        run_with_closed(0, "create", "-t", "ugc-text-overlay", "--context-file", "-"),
    ]

    assert [each.returncode for each in done] == [2, 2]
    assert ["Traceback" in each.stderr for each in done] == [False, False]


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no home folder, as a user of a container without a name."""

    def fail() -> Path:
        raise KeyError("getpwuid(): uid not found: 1234")

    for name in ("BLUMA_CONFIG_DIR", "BLUMA_STATE_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", fail)


def test_a_user_without_a_home_folder(no_home: None, live: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """What needs no profile works; what needs one names the variables."""
    nothing: Any = None

    codes = [run(["templates"]), run(["config", "list"]), run(["config", "path"])]
    remember_templates(["x"])

    assert codes == [0, 0, 2]
    assert "This user has no home folder for profiles: set HOME or BLUMA_CONFIG_DIR." in capsys.readouterr().err
    assert "ugc-text-overlay" in complete_template(nothing, nothing, "ugc")


def test_the_doctor_finds_missing_folders(no_home: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A deleted folder and a missing home are problems with advice; the advice for the key needs no home either."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.delenv("BLUMA_API_KEY", raising=False)

    checks = {check.name: check for check in check_machine(find_account(None, in_sandbox=False))}

    assert [checks[name].state for name in ("key", "disk", "state folder")] == ["problem"] * 3
    assert "No such file or directory" in checks["disk"].detail
    assert "no home folder: set HOME, or name a folder in BLUMA_STATE_DIR" in checks["state folder"].detail
    assert checks["disk"].advice == checks["state folder"].advice == "Change to a folder that exists, or set HOME."


def test_a_name_that_no_file_can_have_is_an_id(live: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """`open` asks the API for it."""
    assert run(["open", "x" * 500]) == 3
    assert "not found" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "has_option"), [("sandbox", True), ("generate", False)])
def test_a_missing_package_for_drawing(command: str, has_option: bool) -> None:
    """The error names what is installed, and an option only to the command that has it."""
    program = f"import sys; sys.modules['PIL'] = None; {START}"
    rest = ["--port", "0"] if has_option else ["x", "-t", "ugc-text-overlay", "-o", "x.mp4", "--sandbox"]

    done = subprocess.run([sys.executable, "-c", program, command, *rest], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert 'needs Pillow: pip install "bluma[sandbox]".' in done.stderr
    assert ("--no-render" in done.stderr, "render=False" in done.stderr) == (has_option, False)

"""Odd terminals and outputs: closed pipes, full disks, no UTF-8, TERM=dumb, notebooks, warnings, early Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import click
import pytest
from rich.cells import cell_len

from bluma_async.cli.accounts import find_account
from bluma_async.cli.exit_codes import ExitCode
from bluma_async.cli.generate import create_video
from bluma_async.cli.main import CATALOGUE
from bluma_async.cli.output import clean, is_live
from bluma_async.cli.progress import show_progress
from bluma_async.sandbox import Sandbox
from tests.cli.test_cli import run

START = "import sys\nfrom bluma_command import main\nsys.exit(main())\n"
COMMAND = [sys.executable, "-c", START]
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
"""
posix = pytest.mark.skipif(os.name != "posix", reason="limits and signals are those of POSIX")
GENERATE = ["generate", "Hello", "-t", "ugc-text-overlay", "--poll-interval", "0.01"]


def run_process(arguments: List[str], start: str = START, **options: Any) -> subprocess.CompletedProcess[Any]:
    """Run the command in a process, and return its output as bytes."""
    environment = {**os.environ, **options.pop("env", {})}
    command = [sys.executable, "-c", start, *arguments]
    return subprocess.run(command, env=environment, check=False, **{"capture_output": True, **options})


def test_a_reader_that_stops_is_no_failure(live: Sandbox) -> None:
    """`bluma templates | head -1`: the command ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)

    done = run_process(["templates"], stdout=writer, stderr=subprocess.PIPE, capture_output=False)
    os.close(writer)

    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["types", "--help"], ["config", "list", "--help"]])
def test_a_reader_that_stops_in_the_help_is_no_failure(arguments: List[str]) -> None:
    """`bluma --help | head -1`: the command ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)

    done = run_process(arguments, stdout=writer, stderr=subprocess.PIPE, capture_output=False)
    os.close(writer)

    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("ending", "code"), [(BrokenPipeError(errno.EPIPE, "Broken pipe"), ExitCode.FAILED), (SystemExit(3), 3)]
)
def test_a_pipe_that_breaks_in_the_work_of_a_command_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ending: BaseException, code: int
) -> None:
    """Click ends the program for every EPIPE: one of its own output counts as success. Other exits keep their code."""

    def end() -> None:
        raise ending

    monkeypatch.setitem(CATALOGUE, "breaking", (__name__, ""))
    monkeypatch.setattr(sys.modules[__name__], "breaking", click.Command("breaking", callback=end), raising=False)

    try:
        found = run(["breaking"])
    except SystemExit as exit_:
        found = exit_.code

    assert found == code
    assert ("Broken pipe" in capsys.readouterr().err) == isinstance(ending, OSError)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_paid_video_is_named_although_nobody_reads_the_output(live: Sandbox, options: List[str]) -> None:
    """`bluma create ... | head -0`: its id is on the standard error."""
    reader, writer = os.pipe()
    os.close(reader)

    arguments = ["create", "Hello", "-t", "ugc-text-overlay", *options]
    done = run_process(arguments, stdout=writer, stderr=subprocess.PIPE, capture_output=False)
    os.close(writer)

    (video,) = live._running.videos.newest_first()
    assert f"The video was created and billed: {video['id']}" in done.stderr.decode()


def test_a_saved_video_is_named_although_nobody_reads_the_output(live: Sandbox, tmp_path: Path) -> None:
    """What `generate` prints of a paid video goes to the standard error then."""
    reader, writer = os.pipe()
    os.close(reader)

    arguments = [*GENERATE, "-o", str(tmp_path / "x.mp4")]
    done = run_process(arguments, stdout=writer, stderr=subprocess.PIPE, capture_output=False)
    os.close(writer)

    (video,) = live._running.videos.newest_first()
    assert f"Video {video['id']}: 2 credits" in done.stderr.decode()


def test_a_video_is_saved_although_nobody_reads_the_output(live: Sandbox, tmp_path: Path) -> None:
    """A closed pipe does not end a command that has paid for a video."""
    reader, writer = os.pipe()
    os.close(reader)
    target = tmp_path / "x.mp4"

    done = run_process([*GENERATE, "-o", str(target)], stdout=writer, stderr=subprocess.PIPE, capture_output=False)
    os.close(writer)

    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert target.stat().st_size > 0


@posix
def test_a_full_disk_behind_the_output_is_an_error(live: Sandbox, tmp_path: Path) -> None:
    """The message names the reason, and the exit code is 1: a script does not take half a list for a whole one."""
    with (tmp_path / "list.txt").open("wb") as out:
        done = run_process(
            ["0", "templates"], LIMITED + START, stdout=out, stderr=subprocess.PIPE, capture_output=False
        )

    assert done.returncode == 1
    assert done.stderr == b"Error: the output cannot be written: File too large.\n"


@posix
def test_a_target_that_takes_no_bytes_is_refused_before_the_bill(live: Sandbox, tmp_path: Path) -> None:
    """A file is written to the folder before the create: a full disk costs nothing. The same for a temporary folder."""
    codes = [
        run_process(["1000", *GENERATE, "-o", str(tmp_path / "x.mp4")], LIMITED + START),
        run_process(["1000", *GENERATE, "-o", "-"], LIMITED + START, env={"TMPDIR": str(tmp_path)}),
    ]

    assert [done.returncode for done in codes] == [2, 2]
    assert all(b"cannot be written: File too large" in done.stderr for done in codes)
    assert live.state()["billed"] == 0
    assert list(tmp_path.iterdir()) == []


def test_a_video_goes_to_the_standard_output(live: Sandbox, tmp_path: Path) -> None:
    """`-o -` writes the bytes and nothing else; everything for people goes to the standard error."""
    made = run_process([*GENERATE, "-o", "-"])
    identifier = re.search(rb"Video (batch_\w+)", made.stderr)
    assert identifier
    saved = run_process(["save", identifier[1].decode(), "-o", "-"])

    assert (made.returncode, saved.returncode) == (0, 0)
    assert made.stdout[4:8] == b"ftyp"
    assert made.stdout == saved.stdout
    assert b"Saved the video" in made.stderr


def test_a_broken_output_does_not_lose_the_video(live: Sandbox) -> None:
    """If the reader of `-o -` has gone, the error shows the command that saves the video."""
    reader, writer = os.pipe()
    os.close(reader)

    done = run_process([*GENERATE, "-o", "-"], stdout=writer, stderr=subprocess.PIPE, capture_output=False)
    os.close(writer)

    assert done.returncode == 1
    assert re.search(rb"Save it again with: bluma save batch_\w+ -o -", done.stderr)
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["webhooks", "list"], ["webhooks", "list", "--json"]])
def test_an_output_without_utf_8_shows_escapes(live: Sandbox, arguments: List[str]) -> None:
    """Characters that the encoding lacks are escaped; JSON stays JSON."""
    from bluma import Bluma

    with Bluma() as client:
        client.webhooks.create("https://example.com/caf\u00e9", ["video.completed"])
    done = run_process(arguments, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})

    assert done.returncode == 0
    assert done.stdout.isascii()
    assert b"caf" in done.stdout
    if "--json" in arguments:
        assert json.loads(done.stdout)["url"].endswith("/caf\u00e9")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"TERM": "xterm", "JPY_PARENT_PID": "7"}, False)],
)
def test_only_a_terminal_that_can_redraw_gets_live_output(
    monkeypatch: pytest.MonkeyPatch, variables: Dict[str, str], expected: bool
) -> None:
    """TERM=dumb and a `!` cell of a notebook get lines, although they are terminals."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert is_live(Terminal()) is expected
    assert is_live(io.StringIO()) is False


def test_progress_in_a_log_is_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    """A hundred percentages are eleven lines."""
    with show_progress("Rendering") as callbacks:
        for percent in range(101):
            callbacks["on_progress"](percent)

    assert capsys.readouterr().err.splitlines() == [f"Rendering: {percent} %" for percent in range(0, 101, 10)]


def test_text_of_the_server_does_not_control_the_terminal() -> None:
    """Escape sequences, bells and line breaks are shown as escapes; other alphabets stay."""
    assert clean("caf\u00e9 \u65e5\u672c") == "caf\u00e9 \u65e5\u672c"
    assert (
        clean("\u65e5\u3000\u672c \u00ab\u00a0\U0001f469\u200d\U0001f467")
        == "\u65e5\u3000\u672c \u00ab\u00a0\U0001f469\u200d\U0001f467"
    )
    assert clean("txt.\u202egpj\u2028") == "txt.\\u202egpj\\u2028"
    assert clean("a\x1b[2Jb\nc\x07") == "a\\x1b[2Jb\\nc\\x07"


def test_an_error_of_the_server_does_not_control_the_terminal(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither in the message of a command nor in the line of a job: escapes are printed."""
    body = {"error": {"type": "invalid_request", "status": 400, "detail": "no\x1b[2J\x07"}}
    live.faults.add("POST /videos", "status", status=400, body=body, times=None)
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("template_id,prompt\nugc-text-overlay,Hello\n", encoding="utf-8")

    run([*GENERATE, "-o", str(tmp_path / "x.mp4")])
    run(["batch", "run", str(jobs), "--out", str(tmp_path / "v")])
    run(["batch", "status", "--out", str(tmp_path / "v")])
    shown = "".join(capsys.readouterr())

    assert shown.count("no\\x1b[2J\\x07") == 3
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_a_warning_shows_no_source_line(live: Sandbox, tmp_path: Path) -> None:
    """A warning is one line that begins with Warning."""
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("template_id,prompt,context.colour\nugc-text-overlay,Hello,red\n", encoding="utf-8")

    done = run_process(["batch", "run", str(jobs), "--out", str(tmp_path / "v"), "--dry-run"])

    lines = done.stderr.decode().splitlines()
    assert done.returncode == 0
    assert len(lines) == 1
    assert lines[0].startswith("Warning: ")
    assert ".py" not in lines[0]


@posix
@pytest.mark.parametrize(
    "module", ["click.core", "bluma_async.cli.groups", "asyncio.events", "bluma_async.cli.accounts"]
)
def test_ctrl_c_while_the_command_loads_prints_no_traceback(module: str) -> None:
    """The process ends by the signal, which a shell shows as 130, in whatever import it was."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-c", START, "balance", "--sandbox"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.rstrip().endswith(module):
            process.send_signal(signal.SIGINT)
            break
    _, err = process.communicate()

    assert process.returncode in {-signal.SIGINT, 130}
    assert "Traceback" not in err
    assert "never awaited" not in err


@posix
def test_an_ignored_ctrl_c_stays_ignored(live: Sandbox) -> None:
    """A shell lets its background processes ignore Ctrl-C of the terminal."""
    ignoring = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    ending = "atexit.register(lambda: print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN))\n"

    done = run_process(["balance", "--json"], "import atexit\n" + ignoring + ending + START)

    assert done.stdout.splitlines()[-1] == b"True"


@posix
@pytest.mark.parametrize("arguments", [["generate", "Hello", "-t", "ugc-text-overlay", "-o"], ["batch", "run"]])
def test_an_interrupted_sandbox_promises_nothing(tmp_path: Path, arguments: List[str]) -> None:
    """The sandbox ends with the command, so no command to continue is shown."""
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text('{"template_id": "ugc-text-overlay", "prompt": "Hello", "key": "a"}\n', encoding="utf-8")
    place = [str(jobs), "--out", str(tmp_path / "videos")] if arguments[0] == "batch" else [str(tmp_path / "x.mp4")]
    process = subprocess.Popen(
        [*COMMAND, *arguments, *place, "--sandbox"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "BLUMA_LOG": "debug", "PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "GET" in line and "/videos/" in line:
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate()

    assert process.returncode == 130
    assert "Stopped. The sandbox has ended with this command" in err
    assert "bluma save" not in out + err
    assert "ontinue with" not in out + err
    assert "Traceback" not in err


async def test_a_create_that_is_interrupted_in_a_sandbox_promises_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is searched for, because the sandbox ends with the command."""

    class Interrupted:
        async def send(self, _: Any) -> Any:
            raise asyncio.CancelledError

    request: Any = Interrupted()
    client: Any = None  # it would be searched with

    with pytest.raises(asyncio.CancelledError):
        await create_video(client, request, find_account(None, in_sandbox=True), 30.0)

    assert capsys.readouterr().err == "Stopped. The sandbox has ended with this command, and everything in it.\n"


def read_terminal(command: List[str], columns: str) -> List[str]:
    """Return the lines that a terminal of this width gets from a command."""
    own, other = os.openpty()
    done = run_process(command, stdout=other, stderr=subprocess.PIPE, capture_output=False, env={"COLUMNS": columns})
    os.close(other)
    shown = os.read(own, 10000).decode()
    os.close(own)
    assert done.returncode == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", shown).split("\r\n")


@posix
@pytest.mark.parametrize(("columns", "shown_columns"), [("12", 1), ("30", 1), ("34", 2), ("60", 3), ("200", 5)])
def test_a_terminal_gets_a_table_of_its_width(live: Sandbox, columns: str, shown_columns: int) -> None:
    """Ids are never cut; a narrow terminal gets fewer columns, and cuts the last one."""
    run(["create", "Hello", "-t", "ugc-text-overlay"])

    lines = read_terminal(["list"], columns)

    heads = ["ID", "STATUS", "TEMPLATE ID", "CREATED AT", "URL"]
    assert re.split(r" {2,}", lines[0].replace("STATUS ", "STATUS  "))[:shown_columns] == heads[:shown_columns]
    assert lines[0].count("URL") == (shown_columns == 5)
    assert live._running.videos.newest_first()[0]["id"] in "".join(lines)
    assert max(map(len, lines)) <= max(int(columns), 22)  # the columns of an id


@posix
@pytest.mark.parametrize(("command", "head"), [("history", "AMOUNT"), ("templates", "BASE COST")])
def test_a_narrow_terminal_shows_the_credits(live: Sandbox, command: str, head: str) -> None:
    """The most useful columns come first, because the last ones are left out."""
    run(["create", "Hello", "-t", "ugc-text-overlay"])

    assert head in read_terminal([command], "40")[0]


@posix
@pytest.mark.parametrize("columns", ["80", "100"])
def test_wide_characters_take_two_columns(live: Sandbox, columns: str) -> None:
    """A name in Japanese is not cut where there is room, and neither are the columns behind it."""
    name = "日本語のコレクションの名前です"
    run(["collections", "create", name])

    row = read_terminal(["collections", "list"], columns)[1]

    assert name in row
    assert cell_len(row) <= int(columns)
    assert "…" not in row


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_a_full_disk_is_reported_once(live: Sandbox) -> None:
    """A video that the standard output does not take is one error, with the command that continues."""
    with Path("/dev/full").open("wb") as full:
        words = ["generate", "Hello", "-t", "ugc-text-overlay", "--poll-interval", "0.01", "-o", "-"]
        done = run_process(words, stdout=full, stderr=subprocess.PIPE, capture_output=False)

    assert done.returncode == 1
    assert done.stderr.count(b"Error: ") == 1
    assert b"No space left on device. Save it again with: bluma save " in done.stderr


def test_a_sandbox_that_timed_out_promises_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message of the wait does not say that the render continues."""
    code = run(
        ["generate", "Hello", "-t", "ugc-text-overlay", "--sandbox", "--timeout", "0", "-o", str(tmp_path / "x.mp4")]
    )

    out, err = capsys.readouterr()
    assert code == 6
    assert "was not finished (last seen: " in err
    assert "The sandbox has ended with this command" in err
    assert "bluma save" not in out + err
    assert "wait again" not in err


def test_help_lists_the_exit_codes_and_loads_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`bluma --help` imports click alone."""
    check = "import sys\nsys.argv[1:] = ['--help']\nfrom bluma_async.cli import run\nrun()\n"
    heavy = "print(sorted({'asyncio', 'aiohttp', 'rich', 'attr', 'inspect_'} & set(sys.modules)), file=sys.stderr)\n"

    done = run_process([], check + heavy)

    text = done.stdout.decode()
    assert done.stderr.decode().strip() == "[]"
    for code in ("2 ", "3 ", "4 ", "5 ", "6 ", "130 "):
        assert re.search(rf"^ +{code} *\w", text, re.MULTILINE), code
    assert "BLUMA_BASE_URL" in text

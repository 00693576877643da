"""The command line, as a user types it."""

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
from bluma_async.cli.ports import OTHER_PORT, explain_port
from bluma_async.sandbox import Sandbox
from tests.live import Live

VIDEO: Any = av  # only partly typed
COMMAND = [sys.executable, "-m", "bluma"]


def run(arguments: List[str]) -> int:
    """Run the command line in another thread, because this one may have an event loop of pytest-asyncio."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(cli.run, arguments).result()


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Give a fast sandbox in another thread, and the environment variables that lead to it."""
    with Live(clock="real", speed=5000) as sandbox:
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        yield sandbox


def test_the_first_command_of_the_readme_makes_a_video(tmp_path: Path) -> None:
    """The command writes a playable file, and prints its id, its price and its length."""
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


def test_a_missing_key_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a key the command prints one line and exits with 4."""
    code = run(["generate", "x", "--template", "t", "-o", str(tmp_path / "x.mp4")])

    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "BLUMA_API_KEY" in err


def test_a_video_is_generated_and_saved_again_by_its_id(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`generate` bills one video; `save` gets it by its id, and replaces a file only with --overwrite."""
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
    assert "pass --overwrite to replace it" in capsys.readouterr().err
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert (live.state()["billed"], live.state()["credits"]) == (1, 497)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["generate", "x", "-t", "nothing"], 3, "template_id"),
        (["generate", "x [fail]", "-t", "ugc-text-overlay", "--poll-interval", "0.01"], 1, "Invalid asset URL"),
        (["generate", "x"], 2, "either --template or --variant"),
        (["generate", "x", "-t", "t", "--resolution", "8k"], 2, "8k"),
        (["generate", "x", "-t", "t", "-o", "/no/such/folder/x.mp4"], 2, "no folder"),
        (["save", "batch_nothing"], 3, "not found"),
        (["save", "x", "--timeout", "-1"], 2, "timeout"),
        (["explode"], 2, "explode"),
    ],
)
def test_failures_have_a_message_and_an_exit_code(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: List[str], code: int, message: str
) -> None:
    """A failed video exits with 1, invalid arguments with 2, what the API refuses with 3; none shows a traceback."""
    if "-o" not in arguments and arguments != ["explode"]:
        arguments = [*arguments, "-o", str(tmp_path / "x.mp4")]

    assert run(arguments) == code
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` and `--version` exit with 0."""
    assert (run(["--help"]), run(["--version"]), run(["generate", "-h"])) == (0, 0, 0)
    assert "sandbox" in capsys.readouterr().out


def test_ctrl_c_prints_how_to_continue(live: Sandbox, tmp_path: Path) -> None:
    """A wait that is stopped by Ctrl-C prints the command that continues it, and exits with 130."""
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
    _, err = process.communicate()

    identifier = first.split()[1].rstrip(":")
    assert process.returncode == 130
    assert f"bluma save {identifier} -o {tmp_path / 'x.mp4'}" in err
    assert "Traceback" not in err


def test_the_sandbox_command_prints_its_environment() -> None:
    """`bluma sandbox` prints NAME=value lines for `export`, serves and logs requests, and ends at SIGTERM."""
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
        *(f"{name}_{setting}" for name in ("KIE", "UMAMI", "VAPI") for setting in ("BASE_URL", "API_KEY")),
    }
    assert (status, process.returncode) == (200, 0)
    page, request_line = err.splitlines()
    assert page == f"Open {printed['BLUMA_BASE_URL'][:-7]}/ in a browser to see and control it."
    assert request_line.startswith("GET /api/v1/templates 200 ")


def test_a_sandbox_serves_although_nobody_reads_its_log() -> None:
    """The reader of its output and its log has gone: requests are answered all the same."""
    process = subprocess.Popen(
        [*COMMAND, "sandbox", "--port", "0", "--no-render"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    url, key = (process.stdout.readline().strip().partition("=")[2] for _ in range(2))
    process.stdout.close()
    with urlopen(Request(url + "/templates", headers={"Authorization": f"Bearer {key}"})) as answer:
        status = answer.status
    process.send_signal(signal.SIGTERM)

    assert (status, process.wait()) == (200, 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_a_sandbox_that_cannot_start_says_why() -> None:
    """Its output and its folder do not depend on the port."""
    with Path("/dev/full").open("wb") as full:
        start = [*COMMAND, "sandbox", "--port", "0", "--no-render"]
        unread = subprocess.run(start, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    homeless = subprocess.run([*start, "--data", "/dev/null/x"], capture_output=True, text=True, check=False)

    assert (unread.returncode, homeless.returncode) == (1, 1)
    assert unread.stderr == "Error: the output cannot be written: No space left on device.\n"
    assert homeless.stderr == "Error: /dev/null/x cannot be used: Not a directory. Choose another folder with --data.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--speed", "0"], "speed"), (["--tier", "basic"], "basic"), (["--test-key", "x"], "test_key")],
)
def test_invalid_sandbox_settings_are_refused(
    arguments: List[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An invalid setting is named in the message, and the exit code is 2."""
    assert run(["sandbox", "--port", "0", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_port_in_use_is_reported(live: Sandbox) -> None:
    """A port that another program uses leads to a message, not to a traceback."""
    port = live.origin.rsplit(":", 1)[1]

    done = subprocess.run([*COMMAND, "sandbox", "--port", port], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr == f"Error: Cannot listen on 127.0.0.1:{port}: the port is in use. {OTHER_PORT}\n"


@pytest.mark.parametrize("name", ["sandbox", "listen"])
def test_an_address_of_another_machine_is_reported(name: str) -> None:
    """The advice names the option that is wrong: no port helps."""
    command = [*COMMAND, name, "--host", "192.0.2.1", "--port", "0"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.endswith(
        "Error: Cannot listen on 192.0.2.1:0: this machine has no such address. Choose another --host.\n"
    )


def test_an_address_of_another_machine_is_reported_where_asyncio_hides_its_number() -> None:
    """Python 3.13 leaves the number of the error out; the advice is the same."""
    problem = OSError("could not bind on any address out of [('192.0.2.1', 0)]")

    error = explain_port(problem, "192.0.2.1", 0)

    assert error.message == "Cannot listen on 192.0.2.1:0: this machine has no such address. Choose another --host."


def test_a_missing_extra_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without click the command prints which extra to install."""
    import bluma_command as entry

    for name in [name for name in sys.modules if name.startswith("bluma_async.cli")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "click", None)

    with pytest.raises(SystemExit, match=r"bluma\[cli\]"):
        entry.main()

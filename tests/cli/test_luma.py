"""`bluma luma`: the commands, their files and their errors."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List
from urllib.request import Request, urlopen

import pytest

from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.request_log import RequestRecord
from tests.cli.test_cli import run
from tests.live import Live


@pytest.mark.parametrize(
    "command",
    [
        ["generate", "Flying jellyfish", "--provider", "umami", "--aspect-ratio", "16:9", "--expand-prompt"],
        ["extend", "with a hat", "--provider", "vapi"],
        ["modify", "Neon city at night", "--provider", "kie"],
    ],
)
def test_from_a_prompt_to_a_file(command: List[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the sandbox, each command saves a playable file, without a key."""
    code = run(["luma", *command, "--sandbox", "-o", str(tmp_path / "x.mp4")])

    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].startswith(f"Saved {tmp_path / 'x.mp4'}: ")
    assert (tmp_path / "x.mp4").read_bytes()[4:8] == b"ftyp"


def test_missing_options_and_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an id or a video the command fails with 2, without a key with 4; after a failed generation, with 1."""
    target = ["-o", str(tmp_path / "x.mp4")]
    codes = [
        run(["luma", "generate", "x", "--provider", "vapi", *target]),
        run(["luma", "extend", "x", "--provider", "vapi", *target]),
        run(["luma", "modify", "x", "--provider", "kie", *target]),
        run(["luma", "generate", "x", "--provider", "kie", *target]),
        run(["luma", "generate", "x [fail]", "--provider", "umami", "--sandbox", *target]),
    ]

    err = capsys.readouterr().err
    assert codes == [4, 2, 2, 2, 1]
    for message in ("VAPI_API_KEY", "Give --id", "Give --video-url", "The generation failed: generation failed"):
        assert message in err
    assert not (tmp_path / "x.mp4").exists()


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Give a sandbox that the provider vapi is at."""
    with Live(at_once=True) as sandbox:
        monkeypatch.setenv("VAPI_BASE_URL", sandbox.luma_url("vapi"))
        monkeypatch.setenv("VAPI_API_KEY", sandbox.live_key)
        yield sandbox


@pytest.mark.parametrize("options", [["--timeout", "-1"], ["--timeout", "nan"], ["--poll-interval", "0"]])
def test_an_invalid_wait_costs_nothing(
    provider: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: List[str]
) -> None:
    """It is refused before anything is sent, with exit code 2."""
    code = run(["luma", "generate", "x", "--provider", "vapi", "-o", str(tmp_path / "x.mp4"), *options])

    assert (code, provider.requests) == (2, [])
    assert "Nothing was sent." in capsys.readouterr().err


def test_a_target_that_appears_meanwhile_is_a_failure(
    provider: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The generation is paid for: exit code and message are not those of invalid arguments."""
    target = tmp_path / "x.mp4"

    async def take(record: RequestRecord) -> None:
        if record.method == "POST":
            await asyncio.get_running_loop().run_in_executor(None, target.write_bytes, b"mine")

    provider.watch(take)
    code = run(["luma", "generate", "x", "--provider", "vapi", "-o", str(target), "--poll-interval", "0.01"])

    err = capsys.readouterr().err
    assert (code, "already there" in err, "Nothing was sent" in err) == (1, True, False)
    assert re.search(r"Save the video to another place: bluma luma save \S+ --provider vapi -o ANOTHER_FILE.mp4 ", err)
    assert target.read_bytes() == b"mine"


def read_id(out: str) -> str:
    """Return the id that a command has printed."""
    return out.split()[1]


def test_a_paid_generation_is_continued_by_its_id(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a timeout the command that saves it is printed; `get`, `wait` and `save` need the id alone."""
    target = tmp_path / "x.mp4"
    with Live() as live_sandbox:
        monkeypatch.setenv("VAPI_BASE_URL", live_sandbox.luma_url("vapi"))
        monkeypatch.setenv("VAPI_API_KEY", live_sandbox.live_key)
        late = run(["luma", "generate", "x", "--provider", "vapi", "-o", str(target), "--timeout", "0"])
        out, err = capsys.readouterr()
        where = [read_id(out), "--provider", "vapi"]
        waited = run(["luma", "wait", *where, "--timeout", "0"])
        waiting = capsys.readouterr().err
        advance(live_sandbox)
        codes = [run(["luma", "get", *where, "--json"])]
        got = json.loads(capsys.readouterr().out)
        codes.append(run(["luma", "wait", *where, "--poll-interval", "0.01"]))
        codes.append(run(["luma", "save", *where, "-o", str(target)]))

    assert (late, waited, codes) == (6, 6, [0, 0, 0])
    assert f"Continue with: bluma luma save {where[0]} --provider vapi -o {target} --timeout 0\n" in err
    assert f"Continue with: bluma luma wait {where[0]} --provider vapi --timeout 0\n" in waiting
    assert (got["id"], got["state"]) == (where[0], "succeeded")
    assert target.read_bytes()[4:8] == b"ftyp"


def advance(sandbox: Sandbox) -> None:
    """Move the clock of a sandbox to the end of its generations."""
    content = {"Content-Type": "application/json"}
    with urlopen(Request(f"{sandbox.origin}/_sandbox/clock", b'{"advance": 200}', content)) as answered:
        assert answered.status == 200


def test_a_failed_generation_has_no_file(provider: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`wait` and `save` exit with 1, and print no way to continue."""
    target = ["-o", str(tmp_path / "x.mp4")]
    run(["luma", "generate", "x [fail]", "--provider", "vapi", *target])
    where = [read_id(capsys.readouterr().out), "--provider", "vapi"]

    codes = [run(["luma", "wait", *where]), run(["luma", "save", *where, *target])]

    err = capsys.readouterr().err
    assert codes == [1, 1]
    assert (err.count("The generation failed: "), "Continue" in err) == (2, False)


def test_the_sandbox_is_behind_no_proxy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A proxy would get requests that must not leave this machine."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    code = run(["luma", "generate", "x", "--provider", "vapi", "--sandbox", "-o", str(tmp_path / "x.mp4")])

    assert (code, capsys.readouterr().err) == (0, "")


FOURTH = """
import sys
from tests.luma import fourth
with fourth.register():
    from bluma_async.cli import run
    sys.exit(run(sys.argv[1:]))
"""


def test_a_fourth_provider_has_the_command(tmp_path: Path) -> None:
    """In a process in which a fourth provider is registered first, the command line and the sandbox have it too."""
    command = ["luma", "generate", "Flying jellyfish", "--provider", "fourth", "--sandbox"]

    done = subprocess.run(
        [sys.executable, "-c", FOURTH, *command, "-o", str(tmp_path / "x.mp4")],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "x.mp4").read_bytes()[4:8] == b"ftyp"


def test_json_names_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object with the generation and its file; the lines for people go to the standard error."""
    target = tmp_path / "x.mp4"

    code = run(["luma", "generate", "x", "--provider", "vapi", "--sandbox", "-o", str(target), "--json"])

    out, err = capsys.readouterr()
    record = json.loads(out)
    assert (code, record["path"], record["size_bytes"]) == (0, str(target), target.stat().st_size)
    assert (record["kind"], record["provider"]) == ("generation", "vapi")
    assert f"Saved {target}" in err


def test_a_sandbox_that_timed_out_promises_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The generation has ended with the sandbox."""
    target = ["-o", str(tmp_path / "x.mp4"), "--timeout", "0"]

    assert run(["luma", "generate", "x", "--provider", "vapi", "--sandbox", *target]) == 6
    assert "The sandbox has ended with this command" in capsys.readouterr().err


def test_every_command_of_luma_has_the_sandbox(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sandbox at BLUMA_BASE_URL keeps a generation, so that the printed command, `get` and `wait` find it."""
    monkeypatch.setenv("UMAMI_BASE_URL", "https://umami.example.com")  # nothing is sent there
    target = tmp_path / "x.mp4"
    with Live(at_once=True) as running:
        monkeypatch.setenv("BLUMA_BASE_URL", running.base_url)
        monkeypatch.setenv("BLUMA_API_KEY", running.live_key)
        running.faults.add("GET /cdn/{place}", "status", status=200, body="html", times=None)
        options = ["--provider", "umami", "--sandbox", "--poll-interval", "0.01"]
        failed = run(["luma", "generate", "x", *options, "-o", str(target)])
        out, err = capsys.readouterr()
        running.faults.clear()
        (command,) = re.findall(r"Continue with: bluma (.*)", err)
        codes = [run([*shlex.split(command)])]
        codes += [run(["luma", name, read_id(out), *options[:3]]) for name in ("get", "wait")]

    assert (failed, codes) == (1, [0, 0, 0])
    assert target.read_bytes()[4:8] == b"ftyp"

"""`bluma luma`: the commands, their files and their errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from tests.cli.test_cli import run


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

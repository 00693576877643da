"""`bluma luma`, as a person types it."""

from __future__ import annotations

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
    """In the sandbox: no key, a real file."""
    code = run(["luma", *command, "--sandbox", "-o", str(tmp_path / "x.mp4")])

    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].startswith(f"Saved {tmp_path / 'x.mp4'}: ")
    assert (tmp_path / "x.mp4").read_bytes()[4:8] == b"ftyp"


def test_what_is_missing_or_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A key, an id, a video; a generation that fails."""
    target = ["-o", str(tmp_path / "x.mp4")]
    codes = [
        run(["luma", "generate", "x", "--provider", "vapi", *target]),
        run(["luma", "extend", "x", "--provider", "vapi", *target]),
        run(["luma", "modify", "x", "--provider", "kie", *target]),
        run(["luma", "generate", "x", "--provider", "kie", *target]),
        run(["luma", "generate", "x [fail]", "--provider", "umami", "--sandbox", *target]),
    ]

    err = capsys.readouterr().err
    assert codes == [2, 2, 2, 2, 1]
    for said in ("VAPI_API_KEY", "Give --id", "Give --video-url", "It failed: generation failed"):
        assert said in err
    assert not (tmp_path / "x.mp4").exists()

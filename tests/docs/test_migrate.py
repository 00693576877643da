"""docs/migrate.py finds what a program for 1.2.0 must change, and rewrites what it can."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "migrate.py"
OLD = """\
import respx
from bluma.client import Bluma

client = Bluma("bluma_test_x")
client.timeout = 60
if not client._client.is_closed:
    page = client._request("GET", "/videos", params={"limit": 5})
    print(client.videos.get("batch_1").model_dump())


class Mine(Bluma):
    def _should_retry(self, error, attempt):
        return False
"""
NEW = (
    OLD.replace("bluma.client import", "bluma import")
    .replace("._client.is_closed", ".is_closed")
    .replace('_request("GET", "/videos", params=', 'request("GET", "/videos", query=')
    .replace("model_dump", "to_dict")
)


def migrate(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script on a file."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments, str(path)], capture_output=True, text=True, check=False
    )


def test_what_has_a_replacement_is_rewritten(tmp_path: Path) -> None:
    """`--write` rewrites imports and calls; what needs a decision is reported with its line, and stays."""
    program = tmp_path / "program.py"
    program.write_text(OLD, encoding="utf-8")

    done = migrate(program, "--write")

    assert program.read_text(encoding="utf-8") == NEW
    lines = {int(line.split(":")[1]) for line in done.stdout.splitlines()}
    assert (lines, done.returncode, done.stderr) == ({1, 2, 5, 6, 7, 8, 12}, 1, "")


def test_nothing_is_written_without_the_option(tmp_path: Path) -> None:
    """Without `--write` the places are reported, and the file stays as it is."""
    program = tmp_path / "program.py"
    program.write_text(OLD, encoding="utf-8")

    done = migrate(program)

    assert program.read_text(encoding="utf-8") == OLD
    assert (done.returncode, "import the client from bluma" in done.stdout) == (1, True)


def test_other_programs_are_left_alone(tmp_path: Path) -> None:
    """A file that does not import bluma is not reported, although it uses the same names."""
    program = tmp_path / "other.py"
    program.write_text(OLD.replace("from bluma.client import Bluma", "from other import Bluma"), encoding="utf-8")

    done = migrate(program, "--write")

    assert (done.stdout, done.returncode) == ("", 0)

"""The check and the command line: out-of-date, missing and orphaned modules are found, and written again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Tuple

import pytest

from facade.__main__ import main
from facade.files import BY_HAND, find_differences, generate, write

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a copy of both packages."""
    for package in ("bluma_async", "bluma_sync"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "sandbox"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def check(project: Path) -> Tuple[int, str]:
    """Run the check as CI does; return its exit code and its errors."""
    done = subprocess.run(
        [sys.executable, "-m", "facade", "--check", "--root", str(project)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return done.returncode, done.stderr


def test_the_twin_is_up_to_date() -> None:
    """The files in the repository are those that the generator writes."""
    assert find_differences(ROOT, generate(ROOT)) == []


def test_the_check_finds_differences(project: Path) -> None:
    """An out-of-date, a truncated, a missing and an orphaned module are listed, each by its name."""
    folder = project / "bluma_sync"
    stale = project / "bluma_async" / "resources" / "templates.py"
    stale.write_text(stale.read_text().replace("Return all templates.", "Return every template."))
    cut = folder / "resources" / "videos.py"
    cut.write_text(cut.read_text()[:-40])
    (folder / "resources" / "usage.py").unlink()
    (folder / "resources" / "orphan.py").write_text("")

    code, output = check(project)

    assert code == 1
    assert output.splitlines() == [
        "bluma_sync/resources/orphan.py has no source: delete it",
        "bluma_sync/resources/templates.py is stale, or was changed by hand: run `nox -s facade`",
        "bluma_sync/resources/usage.py is missing: run `nox -s facade`",
        "bluma_sync/resources/videos.py is stale, or was changed by hand: run `nox -s facade`",
    ]


def test_the_check_finds_docstrings_for_async_callers(project: Path) -> None:
    """A docstring with `await` fails the check: blocking callers would be misled."""
    path = project / "bluma_async" / "resources" / "templates.py"
    path.write_text(path.read_text().replace("Return all templates.", "Await me: `await templates.list()`."))

    code, output = check(project)

    assert code == 1
    assert "list has a docstring with 'await'" in output


@pytest.mark.parametrize(("is_refused", "code"), [(False, 0), (True, 1)])
def test_the_command_line(project: Path, monkeypatch: pytest.MonkeyPatch, is_refused: bool, code: int) -> None:
    """The command writes and checks; its exit code is 1 after an error."""
    if is_refused:
        path = project / "bluma_async" / "resources" / "templates.py"
        path.write_text(path.read_text().replace("Return all templates.", "`await` me."))

    for arguments in ([], ["--check"]):
        monkeypatch.setattr(sys, "argv", ["facade", "--root", str(project), *arguments])
        assert main() == code


def test_written_files_pass_the_check(project: Path) -> None:
    """Generated files are written, orphans are deleted, and files written by hand stay."""
    wanted = generate(project)
    shutil.rmtree(project / "bluma_sync" / "resources")
    (project / "bluma_sync" / "orphan.py").write_text("")
    by_hand = {name: (project / "bluma_sync" / name).read_text() for name in BY_HAND}

    write(project, wanted)

    assert find_differences(project, wanted) == []
    assert not (project / "bluma_sync" / "orphan.py").exists()
    assert {name: (project / "bluma_sync" / name).read_text() for name in BY_HAND} == by_hand

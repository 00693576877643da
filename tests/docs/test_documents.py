"""The documents: every Python program in them runs, and their tables have what the code has."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest

from bluma import errors
from bluma_async._session.options import ConnectionOptions, Options
from tests.docs.option_tables import describe
from tests.docs.programs import EXAMPLES, ROOT, Example

DOCS = ROOT / "docs"


def run(command: List[str], environment: Any, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder of its own."""
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)


@pytest.mark.timeout(60)  # of a machine that is busy with other things: a process starts
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_example_runs(environment: Any, example: Example, tmp_path: Path) -> None:
    """Each Python block runs as a program without a warning, or passes as a test."""
    for library in example.needs:
        pytest.importorskip(library, reason=f"{library} is not installed; it has no release for each Python")
    if example.is_test:
        (tmp_path / "test_example.py").write_text(example.code, encoding="utf-8")
        options = ["-q", "-p", "no:cacheprovider", "-p", "bluma_testing.plugin", "test_example.py"]
        without_others = {**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = run([sys.executable, "-m", "pytest", *options], without_others, tmp_path)
        assert (done.returncode, " passed" in done.stdout) == (0, True), done.stdout
        return

    done = run([sys.executable, "-W", "error", "-c", example.code], environment, tmp_path)

    assert done.returncode == 0, done.stderr
    assert not done.stderr or "ProgressBar" in example.code  # it draws there
    assert done.stdout or not example.prints


@pytest.mark.parametrize("kind", [Options, ConnectionOptions])
def test_every_option_is_documented(kind: Any) -> None:
    """docs/configuration.md has the name, the default and the description of each option."""
    assert describe(kind) in (DOCS / "configuration.md").read_text(encoding="utf-8")


def test_every_error_is_documented() -> None:
    """docs/errors.md has a row for each error, with the status that its class has."""
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", (DOCS / "errors.md").read_text(encoding="utf-8"), re.MULTILINE)

    listed = {name: re.findall(r"\b[45]\d\d\b", status) for name, status in rows}

    assert list(listed) == [name for name, _ in rows]
    assert set(listed) == set(errors.__all__)
    for name, statuses in listed.items():
        own = inspect.getattr_static(getattr(errors, name), "status")
        assert not statuses or str(own) in statuses or name == "ServerError"


def test_every_page_is_in_the_contents() -> None:
    """Each page of the site is in a list of contents, and in llms.txt if it is not a reference."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")} - {"index"}

    listed = set(re.findall(r"^([\w/]+)$", index, re.MULTILINE))

    assert pages <= listed
    short = (DOCS / "llms.txt").read_text(encoding="utf-8")
    left_out = {page for page in pages if f"({page}.md)" not in short and not page.startswith("reference/")}
    assert left_out <= {"facts", "sandbox", "performance", "telemetry"}


def test_links_between_documents_lead_somewhere() -> None:
    """Each relative link of a Markdown file leads to a file of the project."""
    files = [*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "examples").rglob("*.md"), DOCS / "llms.txt"]
    links = [(path, link) for path in files for link in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8"))]

    relative = [(path, link) for path, link in links if "://" not in link and not link.startswith("mailto:")]

    assert relative
    assert [f"{path.name}: {link}" for path, link in relative if not (path.parent / link).exists()] == []

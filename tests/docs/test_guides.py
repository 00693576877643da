"""The examples of the guides in docs/ work as they are written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest

from tests.live import Live

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
NEEDS = {"destinations": ["obstore"], "frames": ["narwhals", "pandas"]}


def list_examples() -> Iterator[Tuple[str, str]]:
    """Yield each Python block of the guides, with the name of its guide."""
    for guide in NEEDS:
        text = (DOCS / f"{guide}.md").read_text(encoding="utf-8")
        yield from ((guide, block) for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL))


EXAMPLES: List[Tuple[str, str]] = list(list_examples())


@pytest.fixture(scope="module")
def environment() -> Iterator[Any]:
    """Give the environment variables that lead to a sandbox in another thread."""
    with Live(at_once=True) as sandbox:
        yield {**os.environ, "BLUMA_API_KEY": sandbox.live_key, "BLUMA_BASE_URL": sandbox.base_url}


@pytest.mark.parametrize(("guide", "example"), EXAMPLES, ids=[guide for guide, _ in EXAMPLES])
def test_every_example_runs(guide: str, example: str, environment: Any, tmp_path: Path) -> None:
    """Each Python block runs as a program without a warning, and prints something."""
    for module in NEEDS[guide]:
        pytest.importorskip(module, reason=f"{module} has no release for this Python, or is not installed")

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=tmp_path,
    )

    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout


def test_every_guide_has_examples() -> None:
    """No guide is left out because its blocks are marked in another way."""
    assert {guide for guide, _ in EXAMPLES} == set(NEEDS)

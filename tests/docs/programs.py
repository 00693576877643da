"""The Python programs in README.md and in the documents."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
# tests/testing/test_documentation.py and tests/sharing/test_documentation.py run their blocks.
APART = {"testing.md", "fleets.md"}
NEEDS = {
    "destinations.md": ["obstore"],
    "frames.md": ["narwhals", "pandas"],
    "mcp.md": ["fastmcp"],
}  # some have no release for each Python


class Example(NamedTuple):
    """One block of code: where it is, and what it contains."""

    page: str
    number: int
    code: str

    @property
    def needs(self) -> List[str]:
        """The libraries without which it is skipped."""
        return NEEDS.get(self.page, [])

    @property
    def is_test(self) -> bool:
        """Whether it is a module of tests, not a program."""
        return "\ndef test_" in self.code

    @property
    def prints(self) -> bool:
        """Whether it prints; others define a server."""
        return "web.Application()" not in self.code and "print" in self.code

    def __str__(self) -> str:
        return f"{self.page}-{self.number}"


def find_examples() -> List[Example]:
    """Return every Python block of README.md and of the pages of the site."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        Example(page.name, number, code)
        for page in pages
        if page.name not in APART
        for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
    ]


EXAMPLES = find_examples()

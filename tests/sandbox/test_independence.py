"""The sandbox tests the client, so it shares no code with it: a bug on both sides would be invisible."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Set

import pytest

import bluma_async.sandbox
from facade.source import parse

ROOT = Path(bluma_async.sandbox.__file__).parent
CLIENT = {"_runtime", "_session", "_wire", "batch", "client", "resources", "stores", "transfer", "waiting", "webhooks"}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_of_the_sandbox_imports_no_code_of_the_client(path: Path) -> None:
    """Signing, dates, checks and threads are written again; imports for type checkers count too."""
    rooms: Set[str] = set()
    for node in ast.walk(parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bluma_async"):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            rooms.update(name.split(".")[1] for name in names)

    assert not rooms & CLIENT

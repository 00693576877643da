"""The kit stands on the SDK and is known to nothing in it; its modules are small."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests import test_layers

ROOT = test_layers.ROOT
KIT = sorted((ROOT / "bluma_testing").glob("*.py"))
SDK = sorted(path for name in ("bluma", "bluma_async", "bluma_sync") for path in (ROOT / name).rglob("*.py"))


@pytest.mark.parametrize("path", KIT, ids=lambda path: path.name)
def test_modules_of_the_kit_stay_small(path: Path) -> None:
    """The modules and functions of the testing kit have the limits of those of the SDK."""
    test_layers.test_modules_and_functions_stay_small(path)


def test_nothing_imports_the_kit_but_its_own_door() -> None:
    """An installed program never loads it."""
    users = {path.relative_to(ROOT).as_posix() for path in SDK if _imports_kit(path)}

    assert users == {"bluma/testing.py"}


def _imports_kit(path: Path) -> bool:
    modules = [node.module or "" for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return any(module.startswith(("bluma_testing", "bluma.testing")) for module in modules)

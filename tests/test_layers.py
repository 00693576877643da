"""The layers of bluma_async hold, and so do the sizes that keep a module readable."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bluma_async"
# From the bottom up: a module imports from its own layer and those above it in this list.
LAYERS: List[Tuple[str, ...]] = [
    ("_version", "errors", "_model", "types"),
    ("_wire",),
    ("_callbacks", "_logging", "_ports", "_loops", "_proxies", "_resource", "_lazy", "_abandoning"),
    ("_options",),
    ("_hooks", "_retrying", "_shared"),
    ("_transport", "_session", "_opening"),
    ("waiting", "transfer", "stores"),
    ("resources",),
    ("batch", "webhooks"),
    ("client", "luma"),
    ("sandbox",),
    ("cli",),
]
ONLY_HERE = {
    "aiohttp": {"_transport.py", "sandbox", "webhooks/serving.py"},
    "cattrs": {"_wire/codec.py"},
    "anyio": {
        "_transport.py",
        "batch/journal.py",
        "transfer/disk.py",
        "transfer/download.py",
        "resources/_uploading.py",
    },
    "click": {"cli"},
    "rich": {"cli"},
    "av": {"sandbox"},
    "PIL": {"sandbox"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def layer_of(name: str) -> int:
    """Return the number of the layer that a part of the package is in."""
    return next(number for number, layer in enumerate(LAYERS) if name in layer)


def imports_of(path: Path) -> Iterator[str]:
    """Give every module that a file imports when it runs; imports for type checkers alone do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = [
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.dump(node.test).count("TYPE_CHECKING")
        for inner in ast.walk(node)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and node not in for_types:
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node not in for_types:
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""
            if node.module == "bluma_async":
                yield from (f"bluma_async.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.parent != PACKAGE or path.name != "__init__.py"],
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_a_module_imports_from_its_own_layer_and_above(path: Path) -> None:
    """Dependencies point one way."""
    own = layer_of(path.relative_to(PACKAGE).parts[0].replace(".py", ""))

    for name in imports_of(path):
        if name.startswith("bluma_async."):
            assert layer_of(name.split(".")[1]) <= own, f"{path.name} imports {name}"


def test_libraries_stay_in_their_places() -> None:
    """One module knows the HTTP client, one the converter, one package the command line."""
    found = {library: set() for library in ONLY_HERE}  # type: dict[str, set[str]]
    for path in MODULES:
        inside = path.relative_to(PACKAGE)
        for name in imports_of(path):
            library = name.split(".")[0]
            if library in found:
                place = inside.parts[0] if inside.parts[0] in {"sandbox", "cli"} else inside.as_posix()
                found[library].add(place)

    assert found == ONLY_HERE


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_modules_and_functions_stay_small(path: Path) -> None:
    """A module under 300 lines; a function's body under 25, its docstring not counted."""
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) < 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]  # parsed, so known
            assert lines <= 25, f"{path.name}: {node.name} has {lines} lines"


def test_nothing_outside_tests_and_the_command_line_needs_the_sandbox() -> None:
    """Who installs the SDK alone does not get, or need, the sandbox."""
    users = {
        path.relative_to(PACKAGE).parts[0]
        for path in MODULES
        for name in imports_of(path)
        if name.startswith("bluma_async.sandbox")
    }

    assert users <= {"sandbox", "cli"}

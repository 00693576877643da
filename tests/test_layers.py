"""
The rooms of bluma_async are layered, no modules import each other in a circle, and modules stay small enough to read.

Every import counts: those inside functions and those for type checkers too. An upward import that has to stay is listed
in EXCEPTIONS with its reason.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Set, Tuple

import pytest

from facade.source import parse

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bluma_async"
# From the bottom up: a module imports from its own room, and from the rooms before it in this list.
ROOMS: Tuple[str, ...] = (
    "_version",
    "_lazy",
    "types",
    "errors",
    "_runtime",
    "_wire",
    "_session",
    "stores",
    "sharing",
    "waiting",
    "transfer",
    "resources",
    "batch",
    "webhooks",
    "client",
    "luma",
    "fleet",
    "sandbox",
    "cli",
)
# (module, imported module): the reason for this upward import.
EXCEPTIONS: Mapping[Tuple[str, str], str] = {}
ONLY_HERE = {
    "aiohttp": {"_runtime/sockets.py", "_session", "cli", "client.py", "sandbox", "webhooks/aiohttp_web.py"},
    "cattrs": {"_wire/codec.py"},
    "jsonschema": {"_wire/contexts/engine.py"},
    "referencing": {"_wire/contexts/engine.py"},
    "anyio": {"_runtime/tasks.py", "_runtime/threads.py", "_session", "transfer/download.py"},
    "click": {"cli"},
    "rich": {"cli"},
    "av": {"sandbox"},
    "PIL": {"sandbox"},
    "sqlite3": {"stores", "sandbox"},
    "opentelemetry": {"_session"},
    "fastmcp": {"cli"},
    "narwhals": {"batch/frames.py"},
    "obstore": {"transfer/object_stores.py"},
    "psycopg": {"stores"},
    "psycopg_pool": {"stores"},
}
WHOLE_ROOMS = {"_session", "stores", "sandbox", "cli"}  # rooms that are listed as a whole above
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def dotted_name(path: Path) -> str:
    """Return the dotted name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted_name(path): path for path in MODULES}


def find_imports(path: Path) -> Iterator[str]:
    """Yield every module that a file imports: at its top, inside functions, and for type checkers alone."""
    for node in ast.walk(parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in inner if name in NAMES]
            yield from modules
            if len(modules) < len(inner):
                yield node.module or ""


def find_room(module: str) -> int:
    """Return the number of the room that a module of bluma_async is in."""
    return ROOMS.index(module.split(".")[1])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_imports_from_its_own_room_and_those_below(path: Path) -> None:
    """A module imports nothing from the rooms above its own, with the exceptions in EXCEPTIONS."""
    own = dotted_name(path)

    upward = {
        name for name in find_imports(path) if name.startswith("bluma_async.") and find_room(name) > find_room(own)
    }

    assert upward == {imported for module, imported in EXCEPTIONS if module == own}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_the_async_package_does_not_know_its_blocking_twin(path: Path) -> None:
    """bluma_sync and bluma are built on bluma_async; an import in the other direction would be a circle of packages."""
    upward = [name for name in find_imports(path) if name.split(".")[0] in {"bluma", "bluma_sync"}]

    assert upward == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Each module can be read, and imported, before those that need it."""
    needs: Dict[str, Set[str]] = {
        name: {other for other in find_imports(path) if other in NAMES and other != name}
        for name, path in NAMES.items()
    }

    assert find_circles(needs) == []


def find_circles(needs: Mapping[str, Set[str]]) -> List[List[str]]:
    """Return the groups of modules that need each other."""
    reachable = {name: find_reachable(name, needs) for name in needs}
    groups = {
        tuple(sorted(other for other in reachable[name] if name in reachable[other]))
        for name in needs
        if name in reachable[name]
    }
    return sorted(map(list, groups))


def find_reachable(start: str, needs: Mapping[str, Set[str]]) -> Set[str]:
    """Return every module that a module needs, directly or through others."""
    found: Set[str] = set()
    waiting = list(needs[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(needs[name])
    return found


def test_the_root_of_the_package_is_almost_empty() -> None:
    """A newcomer sees the client, the errors and the rooms."""
    modules = {path.name for path in PACKAGE.glob("*.py")}

    assert modules == {"__init__.py", "_lazy.py", "_version.py", "client.py", "errors.py"}


def test_architecture_lists_the_same_rooms_in_the_same_order() -> None:
    """ARCHITECTURE.md describes the rooms that this test enforces."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text.partition("## Rooms")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    listed = [name.rstrip("/") for row in rows for name in re.findall(r"`([^`]+)`", row)]

    assert listed == [room for room in ROOMS if room != "_version"]


def test_libraries_stay_in_their_places() -> None:
    """One room knows the HTTP client, one module the converter, one package the command line."""
    found: Dict[str, Set[str]] = {library: set() for library in ONLY_HERE}
    for path in MODULES:
        inside = path.relative_to(PACKAGE)
        for name in find_imports(path):
            library = name.split(".")[0]
            if library in found:
                place = inside.parts[0] if inside.parts[0] in WHOLE_ROOMS else inside.as_posix()
                found[library].add(place)

    assert found == ONLY_HERE


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_modules_and_functions_stay_small(path: Path) -> None:
    """A module under 300 lines; a function's body under 25, its docstring not counted."""
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) < 300
    for node in ast.walk(parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]  # parsed, so known
            assert lines <= 25, f"{path.name}: {node.name} has {lines} lines"


def test_nothing_outside_tests_and_the_command_line_needs_the_sandbox() -> None:
    """An installation of the SDK alone neither gets nor needs the sandbox."""
    users = {
        path.relative_to(PACKAGE).parts[0]
        for path in MODULES
        for name in find_imports(path)
        if name.startswith("bluma_async.sandbox")
    }

    assert users <= {"sandbox", "cli"}

"""ARCHITECTURE.md and CONTRIBUTING.md: the modules, tables and folders that they name exist, and none is missing."""

from __future__ import annotations

import re
from typing import List, Set

import pytest

from bluma_async.stores.postgres import schema
from tests.docs.programs import ROOT

ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
STORES = ROOT / "bluma_async" / "stores"
WIRE = ROOT / "bluma_async" / "_wire"
PARTS = ("bluma_async", "bluma_sync", "bluma_testing", "bluma_command", "facade", "tests", "benchmarks")
SOURCES = ["/" + path.relative_to(ROOT).as_posix() for part in PARTS for path in (ROOT / part).rglob("*.py")]
NAMED_FILES = sorted(set(re.findall(r"`([\w/]+\.py)`", ARCHITECTURE)))


def read_first_cells(section: str, head: str) -> List[str]:
    """Return the names in the first column of a table: the one below this head, in this section."""
    table = ARCHITECTURE.partition(section)[2].partition(head)[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize("name", NAMED_FILES)
def test_a_named_file_exists(name: str) -> None:
    """Each file of Python in ARCHITECTURE.md is the end of a path in the project."""
    assert [source for source in SOURCES if source.endswith("/" + name)] != []


def test_the_table_of_the_wire_has_each_of_its_modules() -> None:
    """The section about `_wire` lists every module of that room, and nothing else."""
    modules = {path.stem for path in WIRE.glob("[a-z]*.py")} | {path.parent.name + "/" for path in WIRE.glob("*/*.py")}

    listed = read_first_cells("## Inside `_wire`", "| module | duty |")

    assert sorted(listed) == sorted(modules)


def test_the_table_of_the_fleet_has_each_module_of_its_stores() -> None:
    """The section about many processes lists the stores in PostgreSQL and in memory, and only modules that exist."""
    folders = ("postgres", "memory")
    modules = {f"{folder}/{path.stem}" for folder in folders for path in (STORES / folder).glob("[a-z]*.py")}

    listed = read_first_cells("### Many processes on one key", "| module | duty |")

    assert len(listed) == len(set(listed))
    assert modules <= set(listed)
    assert [name for name in listed if not (STORES / f"{name}.py").is_file()] == []


def test_the_table_of_the_database_has_each_of_its_tables() -> None:
    """The tables in ARCHITECTURE.md are those that the migrations create."""
    created = re.findall(r"CREATE TABLE (\w+)", "".join(schema.MIGRATIONS))

    listed = read_first_cells("### Many processes on one key", "| table | a row is |")

    assert sorted(listed) == sorted(created)


def test_contributors_find_each_folder_and_each_file_of_tests() -> None:
    """CONTRIBUTING.md names the folders that have tests, and the tests beside them."""
    tests = ROOT / "tests"
    folders = {path.relative_to(tests).parts[0] for path in tests.glob("*/**/test_*.py")}
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paragraph = text.partition("## Where tests are\n\n")[2].partition("\n\n")[0]

    listed: Set[str] = {name.partition("tests/")[2] or name for name in re.findall(r"`([^`]+)`", paragraph)}

    assert listed - {"", "tests/", "examples/"} == folders | {path.name for path in tests.glob("test_*.py")}

"""Every numbered statement about the documented SDK has a test that names its number."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Iterator, Set

import pytest

import bluma
import bluma_async
import bluma_sync
from bluma import Bluma, errors
from bluma_async.sandbox import Sandbox
from facade.source import parse
from tests.live import Live

TESTS = Path(__file__).resolve().parent.parent
STATEMENTS = 128


def docstrings() -> Iterator[str]:
    """Yield the docstring of every test."""
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
                yield ast.get_docstring(node) or ""


def numbers(text: str) -> Set[int]:
    """Return the numbers that a docstring names, as in `Items 3, 5 and 7 to 9`."""
    found: Set[int] = set()
    for named in re.findall(r"[Ii]tems? ((?:\d+(?:, | and | to )?)+)", text):
        for first, _, last in re.findall(r"(\d+)( to (\d+))?", named):
            found |= set(range(int(first), int(last or first) + 1))
    return found


def test_every_statement_has_a_test() -> None:
    """Each number from 1 to 128 is named by a test."""
    named = set().union(*(numbers(text) for text in docstrings()))

    assert sorted(set(range(1, STATEMENTS + 1)) - named) == []


def test_the_packages_are_typed() -> None:
    """Item 2: every package has the marker file for type checkers."""
    for package in (bluma, bluma_async, bluma_sync):
        assert (Path(package.__file__ or "").parent / "py.typed").exists()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Give an empty sandbox in another thread."""
    with Live() as running:
        yield running


def test_a_slash_at_the_end_of_the_base_url_is_ignored(sandbox: Sandbox) -> None:
    """Item 18: the request paths are the same with a final slash."""
    with Bluma(sandbox.test_key, base_url=sandbox.base_url + "/") as client:
        client.templates.list()

    assert [record.path for record in sandbox.requests] == ["/api/v1/templates"]


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_has_a_text(name: str) -> None:
    """Item 102: an error has a text, also when it was created without arguments."""
    cls = getattr(errors, name)

    assert issubclass(cls, errors.BlumaError)
    assert str(cls())
    assert str(cls("What happened.")) == cls("What happened.").message == "What happened."


def test_options_of_the_documents() -> None:
    """Items 4 to 8: the documented options exist, with the documented defaults."""
    parameters = inspect.signature(Bluma).parameters
    documented = {"timeout": 30, "max_retries": 3, "retry_delay": 1.0, "retry_multiplier": 2.0}
    optional = ("api_key", "base_url", "should_retry", "calculate_retry_delay", "default_headers")

    assert {name: parameters[name].default for name in documented} == documented
    assert {parameters[name].default for name in optional} == {None}
    assert "base_url='https://api.getbluma.com/api/v1'" in repr(Bluma("bluma_test_key"))

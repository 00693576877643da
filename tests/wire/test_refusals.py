"""The error for an invalid argument says once that nothing was sent."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Iterator, Set

import pytest

import bluma_async
from bluma_async._wire.checks import invalid

ROOT = Path(bluma_async.__file__).parent
CALLERS = sorted(path for path in ROOT.rglob("*.py") if "invalid(" in path.read_text(encoding="utf-8"))


def find_name(call: ast.Call) -> str:
    """Return the name of the function that is called; empty if it has none."""
    return call.func.id if isinstance(call.func, ast.Name) else ""


def find_refusers(module: ast.Module) -> Set[str]:
    """Return the functions that pass a message on to `invalid`, and `invalid` itself."""
    returns = ((function, node) for function in ast.walk(module) for node in ast.walk(function))
    passing = {
        function.name
        for function, node in returns
        if isinstance(function, ast.FunctionDef) and isinstance(node, ast.Return) and isinstance(node.value, ast.Call)
        if find_name(node.value) == "invalid"
    }
    return {"invalid", *passing}


def list_texts(module: ast.Module) -> Iterator[str]:
    """Yield the texts in the arguments of the functions that pass a message on."""
    refusers = find_refusers(module)
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and find_name(call) in refusers:
            yield from (
                node.value for node in ast.walk(call) if isinstance(node, ast.Constant) and type(node.value) is str
            )


def test_the_sentence_is_added() -> None:
    """It is no part of the entry in `validation_errors`, which names the problem."""
    error = invalid("n", "n must be 1.")

    assert str(error) == "n must be 1. Nothing was sent."
    assert error.validation_errors == [{"field": "n", "message": "n must be 1."}]


@pytest.mark.parametrize("path", CALLERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_message_has_the_sentence_itself(path: Path) -> None:
    """The user would read it twice."""
    module = ast.parse(path.read_text(encoding="utf-8"))

    found = [text for text in list_texts(module) if "Nothing was" in text]

    assert not found

"""
Report what a program that was written for bluma 1.2.0 must change, and rewrite what has a direct replacement.

    python docs/migrate.py src/*.py             print each place: file, line, and what to write instead
    python docs/migrate.py --write src/*.py     also rewrite imports and calls that have a direct replacement

Only files that import bluma are read. A name such as `model_dump` may belong to an object of another library: check
each change. The exit code is 1 if there is something to change by hand.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from pathlib import Path
from typing import Iterator, List, NamedTuple

PLACE = "{path}:{line}: {advice}"
BY_HAND = {
    "model_validate": "use the constructor: Video(**data)",
    "parse_obj": "use the constructor: Video(**data)",
    "original_error": "it is an OSError or an exception of aiohttp, no longer one of httpx",
}
OWN_METHODS = {
    "_should_retry": "pass the option should_retry= to the client",
    "_calculate_retry_delay": "pass the option calculate_retry_delay= to the client",
}
MOCKS = {"respx", "pytest_httpx"}
OPTIONS = {"timeout", "max_retries", "retry_delay", "retry_multiplier", "base_url", "api_key"}


class Edit(NamedTuple):
    """A text to replace in one line; without a new text, the change is made by hand."""

    line: int
    old: str
    new: str | None
    advice: str


def find_edits(source: str) -> List[Edit]:
    """Return the edits of a program, in the order of their lines; none if it does not import bluma."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    if not any(_imports_bluma(node) for node in nodes):
        return []
    return sorted({edit for node in nodes for edit in _inspect(node)}, key=lambda edit: edit.line)


def rewrite(source: str, edits: List[Edit]) -> str:
    """Return a program with the edits that need no hand."""
    lines = source.splitlines(keepends=True)
    for edit in edits:
        if edit.new is not None:
            lines[edit.line - 1] = re.sub(edit.old, edit.new, lines[edit.line - 1], count=1)
    return "".join(lines)


def _imports_bluma(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] == "bluma"
    return isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "bluma" for alias in node.names)


def _inspect(node: ast.AST) -> Iterator[Edit]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from _inspect_import(node)
    elif isinstance(node, ast.Attribute):
        yield from _inspect_attribute(node)
    elif isinstance(node, ast.Call):
        yield from _inspect_call(node)
    elif isinstance(node, ast.FunctionDef) and node.name in OWN_METHODS:
        yield Edit(node.lineno, node.name, None, OWN_METHODS[node.name])


def _inspect_import(node: ast.Import | ast.ImportFrom) -> Iterator[Edit]:
    module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
    if isinstance(node, ast.ImportFrom) and module == "bluma.client":
        yield Edit(node.lineno, r"from bluma\.client import", "from bluma import", "import the client from bluma")
    if (module or "").split(".")[0] in MOCKS:
        yield Edit(node.lineno, str(module), None, "requests are sent by aiohttp: test with bluma.testing")


def _inspect_attribute(node: ast.Attribute) -> Iterator[Edit]:
    inner = node.value
    if node.attr == "is_closed" and isinstance(inner, ast.Attribute) and inner.attr == "_client":
        yield Edit(node.lineno, r"\._client\.is_closed\b", ".is_closed", "the client has is_closed itself")
    is_assigned = isinstance(node.ctx, ast.Store) and isinstance(inner, ast.Name) and "client" in inner.id
    if is_assigned and node.attr in OPTIONS:
        yield Edit(node.lineno, node.attr, None, f"options do not change: client.with_options({node.attr}=...)")
    if node.attr in BY_HAND:
        yield Edit(node.lineno, node.attr, None, BY_HAND[node.attr])


def _inspect_call(node: ast.Call) -> Iterator[Edit]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if name == "model_dump" and not (node.args or node.keywords):
        yield Edit(node.func.end_lineno or node.lineno, r"\.model_dump\(", ".to_dict(", "models have to_dict()")
    if name == "_request":
        yield Edit(node.func.end_lineno or node.lineno, r"\._request\(", ".request(", "the method is public now")
        for keyword in node.keywords:
            if keyword.arg == "params":
                line = getattr(keyword, "lineno", node.lineno)
                yield Edit(line, r"\bparams=", "query=", "the query is the argument query")


def main() -> int:
    """Examine the files of the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true", help="rewrite what has a direct replacement")
    arguments = parser.parse_args()
    left = 0
    for path in arguments.files:
        source = path.read_text(encoding="utf-8")
        edits = find_edits(source)
        for edit in edits:
            print(PLACE.format(path=path, line=edit.line, advice=edit.advice))
        left += sum(edit.new is None or not arguments.write for edit in edits)
        if arguments.write and (changed := rewrite(source, edits)) != source:
            path.write_text(changed, encoding="utf-8")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())

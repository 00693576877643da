"""Read a module of the async package: what it offers, and where its names come from."""

from __future__ import annotations

import ast
from typing import Dict, Iterator, List, Union

import attrs

__all__ = ["Function", "RefusedError", "Source", "functions_of", "is_public"]

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]
FOR_BOTH = ("await", "async with", "async for", "aclose", "asyncio", "AsyncBluma")  # words no shared docstring has


class RefusedError(Exception):
    """Something in the source has no blocking twin."""


def is_public(name: str) -> bool:
    """Whether a name is meant for users; what Python itself calls is."""
    return not name.startswith("_") or name.endswith("__")


def functions_of(cls: ast.ClassDef) -> Iterator[Function]:
    """Give the methods that users call."""
    for node in cls.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and is_public(node.name):
            yield node


@attrs.frozen
class Source:
    """One module, as text and as a tree."""

    module: str
    file: str  # from the project's root
    text: str
    tree: ast.Module = attrs.field(
        default=attrs.Factory(lambda self: ast.parse(self.text), takes_self=True), repr=False
    )

    @property
    def exports(self) -> List[str]:
        """What `__all__` says."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and ast.dump(node.targets[0]).startswith("Name(id='__all__'"):
                return list(ast.literal_eval(node.value))
        return []

    def classes(self) -> List[ast.ClassDef]:
        """Return the classes that need a blocking twin."""
        found = [node for node in self.tree.body if isinstance(node, ast.ClassDef) and node.name in self.exports]
        return [cls for cls in found if any(_is_async(node) for node in functions_of(cls))]

    def slice(self, node: ast.AST) -> str:
        """Return a node's own text."""
        text = ast.get_source_segment(self.text, node)
        if text is None:
            raise self.refused(node, "has no text")
        return text

    def docstring(self, node: Union[ast.Module, ast.ClassDef, Function]) -> str:
        """Return a docstring with its quotes, or nothing."""
        if ast.get_docstring(node) is None:
            return ""
        text = self.slice(node.body[0])
        for words in FOR_BOTH:
            if words in text and not isinstance(node, ast.Module):
                raise self.refused(node, f"has a docstring with {words!r}; it serves callers who block too")
        return text

    def imports(self) -> Dict[str, str]:
        """Return the statement that brings each name into the module, its own names included."""
        found = {name: f"from {self.module} import {name}" for node in self.tree.body for name in _defined(node)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                found.update({alias.asname or alias.name: _import_from(node, alias) for alias in node.names})
            elif isinstance(node, ast.Import):
                found.update({alias.name.split(".")[0]: f"import {alias.name}" for alias in node.names})
        return {name: statement for name, statement in found.items() if name != "__all__"}

    def refused(self, node: ast.AST, why: str) -> RefusedError:
        """Return the error for what has no twin."""
        name = getattr(node, "name", type(node).__name__)
        return RefusedError(f"{self.file}:{getattr(node, 'lineno', 0)}: {name} {why}.")


def _is_async(node: Function) -> bool:
    return isinstance(node, ast.AsyncFunctionDef) or node.name == "__aiter__"


def _defined(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        yield node.name
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                yield target.id
    elif isinstance(node, ast.If):
        for inner in node.body:
            yield from _defined(inner)


def _import_from(node: ast.ImportFrom, alias: ast.alias) -> str:
    renamed = f" as {alias.asname}" if alias.asname else ""
    return f"from {node.module} import {alias.name}{renamed}"

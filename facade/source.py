"""Read a module of the async package: its classes, its docstrings, and the imports of its names."""

from __future__ import annotations

import ast
import gc
import re
from typing import Dict, Iterator, List, Mapping, Set, Union

import attrs

__all__ = [
    "Function",
    "RefusedError",
    "Source",
    "get_base_name",
    "has_async_methods",
    "list_methods",
    "parse",
    "rename_words",
]

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]
ASYNC_WORDS = ("await", "async with", "async for", "aclose", "asyncio", "AsyncBluma")  # not in a shared docstring


class RefusedError(Exception):
    """A part of the source has no blocking twin."""


def parse(text: str) -> ast.Module:
    """
    Return the syntax tree of a module.

    Python 3.11 raises SystemError if the garbage collector lets another thread run while a tree is made
    (https://github.com/python/cpython/issues/106905), so the collector is off until the tree is there.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        if was_on:
            gc.enable()


def list_methods(cls: ast.ClassDef) -> List[Function]:
    """Return the methods for users: public ones, and those that Python itself, or a notebook, calls."""
    functions = [node for node in cls.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [node for node in functions if not node.name.startswith("_") or node.name.endswith("_")]


def has_async_methods(cls: ast.ClassDef) -> bool:
    """Return whether a class has async methods of its own; methods that it inherits do not count."""
    return any(isinstance(node, ast.AsyncFunctionDef) or node.name == "__aiter__" for node in list_methods(cls))


def get_base_name(base: ast.expr) -> str:
    """Return the name of a base class without its parameters and its module; empty for an expression."""
    named = base.value if isinstance(base, ast.Subscript) else base
    return str(getattr(named, "id", getattr(named, "attr", "")))


def rename_words(text: str, names: Mapping[str, str]) -> str:
    """Replace whole words."""
    return re.sub(r"\w+", lambda match: names.get(match[0], match[0]), text)


@attrs.frozen
class Source:
    """One module, as text and as a syntax tree."""

    module: str
    file: str  # relative to the project's root
    text: str
    tree: ast.Module = attrs.field(default=attrs.Factory(lambda self: parse(self.text), takes_self=True), repr=False)

    @property
    def exports(self) -> List[str]:
        """The names in `__all__`."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and ast.dump(node.targets[0]).startswith("Name(id='__all__'"):
                return list(ast.literal_eval(node.value))
        return []

    def list_classes(self) -> List[ast.ClassDef]:
        """Return the classes of the module, in its order."""
        return [node for node in self.tree.body if isinstance(node, ast.ClassDef)]

    def list_type_variables(self) -> Set[str]:
        """Return the names of the TypeVars that the module defines."""
        calls = [node for node in self.tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)]
        found = [node for node in calls if getattr(getattr(node.value, "func", None), "id", "") == "TypeVar"]
        return {target.id for node in found for target in node.targets if isinstance(target, ast.Name)}

    def get_text(self, node: ast.AST) -> str:
        """Return the source text of a node."""
        text = ast.get_source_segment(self.text, node)
        if text is None:
            raise self.refuse(node, "has no text")
        return text

    def get_docstring(self, node: Union[ast.Module, ast.ClassDef, Function]) -> str:
        """
        Return a docstring with its quotes, or an empty text.

        Raises:
            RefusedError: The docstring of a class or method has words for async callers; the twin has the same one.
        """
        if ast.get_docstring(node) is None:
            return ""
        text = self.get_text(node.body[0])
        for words in ASYNC_WORDS:
            if words in text and not isinstance(node, ast.Module):
                raise self.refuse(node, f"has a docstring with {words!r}; the blocking twin has the same docstring")
        return text

    def list_imports(self) -> Dict[str, str]:
        """Return an import statement for every name of the module: those it imports, and those it defines."""
        found = {name: f"from {self.module} import {name}" for node in self.tree.body for name in _list_names(node)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                found.update({alias.asname or alias.name: _import_from(node, alias) for alias in node.names})
            elif isinstance(node, ast.Import):
                found.update({alias.name.split(".")[0]: f"import {alias.name}" for alias in node.names})
        return {name: statement for name, statement in found.items() if name != "__all__"}

    def refuse(self, node: ast.AST, why: str) -> RefusedError:
        """Return the error for a node that has no twin, with its place."""
        name = getattr(node, "name", type(node).__name__)
        return RefusedError(f"{self.file}:{getattr(node, 'lineno', 0)}: {name} {why}.")


def _list_names(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement at the top of a module defines."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        yield node.name
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                yield target.id
    elif isinstance(node, ast.If):
        for inner in node.body:
            yield from _list_names(inner)


def _import_from(node: ast.ImportFrom, alias: ast.alias) -> str:
    renamed = f" as {alias.asname}" if alias.asname else ""
    return f"from {node.module} import {alias.name}{renamed}"

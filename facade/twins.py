"""
Find the async classes that need a blocking twin.

Rule 1: a class needs a twin if it is exported, and has or inherits async methods.
Rule 2: the twin of a class inherits from the twins of its bases. A base without a twin would bring async methods into
the blocking package, and is refused.
"""

from __future__ import annotations

import ast
from typing import Dict, FrozenSet, List, Sequence, Set

import attrs

from facade.source import Source, get_base_name, has_async_methods, list_methods

__all__ = ["Twins", "find_blocking_module"]


@attrs.frozen
class Twins:
    """
    The async classes with a blocking twin.

    Attributes:
        names: The twin's name, by the name of the async class.
        modules: The twin's module, by the twin's name.
        constructed: The async classes that users construct: their `__init__` has a docstring.
        hidden: The async classes that are not exported, and have no twin.
    """

    names: Dict[str, str]
    modules: Dict[str, str]
    constructed: FrozenSet[str]
    hidden: FrozenSet[str]

    @classmethod
    def collect(cls, sources: Sequence[Source]) -> Twins:
        """Find the async classes in all modules at once: a class can inherit from a class of another module."""
        classes = [(source, node) for source in sources for node in source.list_classes()]
        is_async = _find_async_classes([node for _, node in classes])
        exported = {node.name: (source, node) for source, node in classes if node.name in source.exports}
        found = {name: exported[name] for name in exported if name in is_async}
        names = {name: name[5:] if name.startswith("Async") else name for name in found}
        return cls(
            names,
            {names[name]: find_blocking_module(source.module) for name, (source, _) in found.items()},
            frozenset(name for name, (_, node) in found.items() if _is_constructed(node)),
            frozenset(is_async - set(found)),
        )

    def list_classes(self, source: Source) -> List[ast.ClassDef]:
        """Return the classes of a module that need a twin, in the order of the module."""
        return [node for node in source.list_classes() if node.name in self.names and node.name in source.exports]

    def find_bases(self, source: Source, cls: ast.ClassDef) -> List[str]:
        """
        Return the names of the bases of a class that have a twin.

        Raises:
            RefusedError: A base has async methods, but no twin to inherit from.
        """
        for base in cls.bases:
            name = get_base_name(base)
            if name in self.hidden:
                raise source.refuse(cls, f"inherits async methods from {name}, which has no twin; export it")
            if name in self.constructed:
                raise source.refuse(cls, f"inherits from {name}, whose twin constructs {name}; this has no rule")
            if name in self.names and isinstance(base, ast.Attribute):
                raise source.refuse(cls, f"names its base {name} through a module; import {name} itself")
        return [name for name in map(get_base_name, cls.bases) if name in self.names]


def find_blocking_module(module: str) -> str:
    """Return the name of the twin of a module."""
    return module.replace("bluma_async", "bluma_sync", 1)


def _find_async_classes(classes: Sequence[ast.ClassDef]) -> Set[str]:
    found: Set[str] = {node.name for node in classes if has_async_methods(node)}
    while True:
        heirs = {node.name for node in classes if found.intersection(map(get_base_name, node.bases))}
        if heirs <= found:
            return found
        found |= heirs


def _is_constructed(cls: ast.ClassDef) -> bool:
    return any(node.name == "__init__" and ast.get_docstring(node) is not None for node in list_methods(cls))

"""
Imports that wait for the first use of a name, so that importing the SDK is fast.

For type checkers, the same names are imported under TYPE_CHECKING.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Mapping

__all__ = ["LazyModule", "lazily"]


def lazily(package: str, homes: Mapping[str, str]) -> None:
    """
    Give a package its `__getattr__` and `__dir__` (PEP 562).

    Args:
        package: The name of the package.
        homes: For each attribute the module that defines it. An attribute with the name of its module is the module.
    """
    names = vars(sys.modules[package])

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = import_module(homes[name])
        names[name] = home if homes[name].endswith(f".{name}") else getattr(home, name)
        return names[name]

    def list_names() -> list[str]:
        return sorted({*names, *homes})

    names.update(__getattr__=load, __dir__=list_names)


class LazyModule:
    """A module that is imported when one of its names is first used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> object:
        value = getattr(import_module(self._name), name)
        vars(self)[name] = value  # found before this method from now on
        return value

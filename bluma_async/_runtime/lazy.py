"""Package attributes that import their module at the first use (PEP 562), so that importing the package is fast."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Mapping

__all__ = ["lazily"]


def lazily(package: str, homes: Mapping[str, str]) -> None:
    """
    Give a package its `__getattr__` and `__dir__`.

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

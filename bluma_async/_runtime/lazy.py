"""Names that load their module when they are first used (PEP 562)."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Mapping

__all__ = ["lazily"]


def lazily(package: str, homes: Mapping[str, str]) -> None:
    """
    Give a package its `__getattr__` and `__dir__`.

    Args:
        package: Its name.
        homes: The module each name is in; a module's own name stands for the module.
    """
    names = vars(sys.modules[package])

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = import_module(homes[name])
        names[name] = home if homes[name].endswith(f".{name}") else getattr(home, name)
        return names[name]

    def known() -> list[str]:
        return sorted({*names, *homes})

    names.update(__getattr__=load, __dir__=known)

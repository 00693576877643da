"""Names that load their module when they are first used (PEP 562)."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Callable, Mapping

__all__ = ["lazily"]


def lazily(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """
    Return the `__getattr__` and `__dir__` of a package.

    Args:
        package: Its name.
        homes: The module each name is in; a module's own name stands for the module.
    """

    def __getattr__(name: str) -> object:  # noqa: N807 - that is what the package calls it
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = import_module(homes[name])
        value: object = home if homes[name].endswith(f".{name}") else getattr(home, name)
        vars(sys.modules[package])[name] = value
        return value

    def __dir__() -> list[str]:  # noqa: N807 - as above
        return sorted({*vars(sys.modules[package]), *homes})

    return __getattr__, __dir__

"""Attributes of packages that load their module at the first use."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import bluma
import bluma.client
import bluma.errors
import bluma.types
import bluma_async
from bluma_async import errors, types


@pytest.mark.parametrize("package", ["bluma", "bluma_async"])
def test_importing_loads_no_large_library(package: str) -> None:
    """Neither aiohttp nor cattrs nor anyio is loaded by importing, nor by making a client."""
    code = (
        f"import sys, {package}; heavy = {{'aiohttp', 'cattrs', 'anyio'}}; print(sorted(heavy & set(sys.modules)));"
        f"{package}.AsyncBluma('bluma_test_x').videos; print(sorted(heavy & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n[]\n"


@pytest.mark.parametrize("package", [bluma, bluma_async, errors, types])
def test_all_names_are_there(package: Any) -> None:
    """Every name in `__all__` can be imported, and other names raise AttributeError."""
    assert all(getattr(package, name) is not None for name in package.__all__)
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="nothing"):
        _ = package.nothing


def test_the_names_of_the_predecessor_are_written_out() -> None:
    """The modules of 1.2.0 write their `__all__` out, for type checkers: with every name of those that they repeat."""
    own = set(bluma.types.__all__) - set(types.__all__)
    resources = {name for name in bluma.client.__all__ if name.endswith("Resource")}

    assert set(bluma.errors.__all__) == set(errors.__all__)
    assert set(types.__all__) < set(bluma.types.__all__)
    assert all(getattr(bluma.types, name) is not None for name in own)
    assert set(bluma.client.__all__) - resources >= {*errors.__all__, *types.__all__, "Bluma", "DEFAULT_TIMEOUT"}


def test_a_lazy_module_is_imported_when_a_name_is_used() -> None:
    """Making the stand-in imports nothing; its attributes are those of the module."""
    code = (
        "import sys; from bluma_async._lazy import LazyModule; module = LazyModule('colorsys');"
        "print('colorsys' in sys.modules, module.ONE_THIRD, 'colorsys' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == f"False {1 / 3} True\n"


def test_importing_a_client_loads_no_model() -> None:
    """Resources, models and the session are loaded when they are first used."""
    code = (
        "import sys; from bluma import AsyncBluma, Bluma; late = ('attr', 'bluma_async.types', 'bluma_async._session');"
        "print([name for name in sys.modules if name.startswith(late)])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"

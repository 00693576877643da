"""Attributes of packages that load their module at the first use."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import bluma
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

"""The blocking classes of Luma have the methods, signatures and docstrings of the async ones, inherited ones too."""

from __future__ import annotations

import inspect

import pytest

import bluma_sync.luma.client
import bluma_sync.luma.resources
from bluma_async.luma import client, resources

PAIRS = {
    "Luma": (client.AsyncLuma, bluma_sync.luma.client.Luma),
    "Generations": (resources.Generations, bluma_sync.luma.resources.Generations),
    "Modifications": (resources.Modifications, bluma_sync.luma.resources.Modifications),
}
RENAMED = {"aclose": "close"}


@pytest.mark.parametrize("name", PAIRS)
def test_the_twin_offers_the_same(name: str) -> None:
    """Each public method has a blocking twin with the same parameters and the same docstring."""
    source, twin = PAIRS[name]
    methods = [
        entry for entry in dir(source) if not entry.startswith("_") and inspect.isfunction(getattr(source, entry))
    ]

    assert methods
    for entry in methods:
        original, blocking = getattr(source, entry), getattr(twin, RENAMED.get(entry, entry))
        assert inspect.signature(blocking) == inspect.signature(original)
        assert blocking.__doc__ == original.__doc__
        assert not inspect.iscoroutinefunction(blocking)


def test_the_twins_inherit_from_the_twin_of_the_base() -> None:
    """The operations that generations and modifications share are written once in each package."""
    blocking = bluma_sync.luma.resources

    for package in (resources, blocking):
        for cls in (package.Generations, package.Modifications):
            assert cls.__mro__[1] is package.BaseGenerations
            assert {"get", "wait_for", "save", "receive_callback"}.isdisjoint(vars(cls))
    assert not issubclass(blocking.Generations, resources.BaseGenerations)

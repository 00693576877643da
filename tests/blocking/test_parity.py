"""Both packages offer the same: names, parameters, docstrings; on classes too, where mocks and editors look."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import pydoc
from types import ModuleType
from typing import Any, Dict, Iterator, List
from unittest.mock import Mock, create_autospec

import pytest

import bluma
import bluma_async
import bluma_sync
from bluma_async import resources as async_resources
from bluma_async.client import AsyncBluma
from bluma_sync.client import Bluma
from facade.files import WITHOUT_TWINS

RENAMED = {
    "aclose": "close",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}
RESOURCES = "videos templates credits webhooks variants collections assets api_keys usage".split()  # noqa: SIM905
OWN = {"__init__", "__module__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__"}


def modules_with_twins() -> Iterator[ModuleType]:
    """Give the async modules that the twin has too."""
    yield importlib.import_module("bluma_async.client")
    for found in pkgutil.iter_modules(async_resources.__path__):
        if f"resources/{found.name}.py" in WITHOUT_TWINS:
            continue
        module = importlib.import_module(f"bluma_async.resources.{found.name}")
        if any(is_async(getattr(module, name)) for name in module.__all__):
            yield module


def is_async(cls: object) -> bool:
    """Whether a class has async methods."""
    return inspect.isclass(cls) and any(
        inspect.iscoroutinefunction(value) or name in RENAMED for name, value in vars(cls).items()
    )


def twin_of(cls: type) -> type:
    """Return the blocking class."""
    module = importlib.import_module(cls.__module__.replace("bluma_async", "bluma_sync", 1))
    found: type = getattr(module, cls.__name__.replace("Async", "", 1))
    return found


CLASSES = [
    getattr(module, name)
    for module in modules_with_twins()
    for name in module.__all__
    if is_async(getattr(module, name))
]


def members(cls: type) -> Dict[str, Any]:
    """Return what a user sees of a class, by the blocking names."""
    return {
        RENAMED.get(name, name): value
        for name, value in vars(cls).items()
        if name not in OWN and (not name.startswith("_") or (name.startswith("__") and callable(value)))
    }


def parameters(function: Any) -> List[str]:
    """Return each parameter with its annotation and its default."""
    return [str(parameter) for parameter in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_twin_offers_the_same(cls: type) -> None:
    """Names, parameters with defaults, docstrings and kinds are those of the async class; nothing in it is async."""
    theirs, ours = members(cls), members(twin_of(cls))

    assert set(ours) == set(theirs)
    assert twin_of(cls).__doc__ == cls.__doc__
    for name, value in theirs.items():
        assert isinstance(ours[name], type(value)), name
        if inspect.isfunction(value):
            assert parameters(ours[name]) == parameters(value), name
            assert ours[name].__doc__ == value.__doc__, name
            assert not inspect.iscoroutinefunction(ours[name]), name
        elif isinstance(value, property):
            assert ours[name].__doc__ == value.__doc__, name


def test_the_constructors_are_the_same() -> None:
    """Item 6: every option of one is an option of the other, with the same default."""
    assert parameters(Bluma.__init__) == parameters(AsyncBluma.__init__)
    assert Bluma.__init__.__doc__ == AsyncBluma.__init__.__doc__


def test_every_async_class_is_walked() -> None:
    """The walk above finds the client, its nine resources, and the pages."""
    assert len(CLASSES) == 11


def test_the_packages_have_the_same_names() -> None:
    """All but the client's own name is the same; `bluma` has both, every error, and everything that is returned."""
    both = set(bluma_async.__all__) - {"AsyncBluma", "AsyncLuma"}

    assert set(bluma_sync.__all__) == both | {"Bluma", "Luma"}
    clients = {"Bluma", "AsyncBluma", "Luma", "AsyncLuma"}
    assert set(bluma.__all__) == both | clients | {*bluma.errors.__all__, *bluma.types.__all__}
    for package in (bluma, bluma_async, bluma_sync):
        assert set(package.__all__) <= set(dir(package))
        assert all(getattr(package, name) is not None for name in package.__all__)


@pytest.mark.parametrize("name", ["errors", "types"])
def test_the_modules_have_the_same_names(name: str) -> None:
    """Items 92 and 113: `bluma.errors` and `bluma.types`, and their twins, hold the very same classes."""
    source = importlib.import_module(f"bluma_async.{name}")

    for package in ("bluma", "bluma_sync"):
        module = importlib.import_module(f"{package}.{name}")
        assert module.__all__ == source.__all__
        assert all(getattr(module, entry) is getattr(source, entry) for entry in source.__all__)


def test_an_unknown_name_is_told() -> None:
    """A package that loads lazily still says what it has not."""
    for package in (bluma, bluma_async, bluma_sync):
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            _ = package.nothing


@pytest.mark.parametrize("name", RESOURCES)
def test_mocks_know_the_resources(name: str) -> None:
    """Item 115 and trap T-4: resources are there on the class, so that mocks and editors see them."""
    resource = getattr(Bluma, name)

    assert inspect.isclass(resource)
    assert hasattr(Mock(spec=Bluma), name)
    assert {entry for entry in dir(getattr(create_autospec(Bluma), name)) if not entry.startswith("_")} >= {
        entry for entry in vars(resource) if not entry.startswith("_")
    }


def test_mocks_take_what_they_are_given() -> None:
    """Item 115: a mock's create returns what it was told to, and an autospec knows the parameters."""
    mock, exact = Mock(spec=Bluma), create_autospec(Bluma, instance=True)
    mock.videos.create.return_value = "video"

    assert mock.videos.create(template_id="t", context={"prompt": "Test"}) == "video"
    with pytest.raises(AttributeError):
        _ = mock.movies
    with pytest.raises(TypeError):
        exact.with_options("positional")


def test_help_and_signatures_read_well() -> None:
    """What a person looks up is the method's own text."""
    shown = pydoc.plain(pydoc.render_doc(Bluma.videos.create))

    assert "template_id: 'str | None' = None" in shown
    assert "It is billed when the server accepts it" in shown
    assert str(inspect.signature(Bluma.videos.get)) == "(self, video_id: 'str') -> 'Video'"
    assert "on_progress" in inspect.signature(Bluma.videos.wait_for).parameters

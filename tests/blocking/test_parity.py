"""Both packages have the same names, parameters and docstrings, also on their classes, where mocks and editors look."""

from __future__ import annotations

import importlib
import inspect
import pydoc
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Iterator, List
from unittest.mock import Mock, create_autospec

import pytest

import bluma
import bluma_async
import bluma_sync
from bluma_async import webhooks
from bluma_async.client import AsyncBluma
from bluma_sync import webhooks as blocking_webhooks
from bluma_sync.client import Bluma
from facade.files import list_modules

ROOT = Path(bluma_async.__file__).parent.parent
RENAMED = {
    "aclose": "close",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}
RESOURCES = [
    "videos",
    "templates",
    "credits",
    "webhooks",
    "variants",
    "collections",
    "assets",
    "api_keys",
    "usage",
]
OF_BATCHES = {
    "AuditMismatch",
    "BatchAudit",
    "BatchPlan",
    "BatchResult",
    "BatchStatus",
    "JobState",
    "MismatchKind",
    "PlannedCost",
}
OWN = {"__init__", "__module__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__"}


def modules_with_twins() -> Iterator[ModuleType]:
    """Yield the async modules that have a blocking twin."""
    for path in list_modules(ROOT):
        room = path.relative_to(ROOT / "bluma_async").parts[0]
        if path.name == "__init__.py" or room not in {"client.py", "resources"}:
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        if any(is_async(getattr(module, name)) for name in module.__all__):
            yield module


def is_async(cls: object) -> bool:
    """Whether a class has async methods."""
    return inspect.isclass(cls) and any(
        inspect.iscoroutinefunction(value) or name in RENAMED for name, value in vars(cls).items()
    )


def find_twin(cls: type) -> type:
    """Return the blocking class of an async one."""
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
    """Return the public members of a class, by their blocking names."""
    return {
        RENAMED.get(name, name): value
        for name, value in vars(cls).items()
        if name not in OWN and (not name.startswith("_") or (name.startswith("__") and callable(value)))
    }


def parameters(function: Any) -> List[str]:
    """Return each parameter with its annotation and its default."""
    return [str(parameter) for parameter in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_twin_has_the_same_members(cls: type) -> None:
    """Names, parameters, defaults and docstrings equal those of the async class, and no method is async."""
    theirs, ours = members(cls), members(find_twin(cls))

    assert set(ours) == set(theirs)
    assert find_twin(cls).__doc__ == cls.__doc__
    for name, value in theirs.items():
        assert isinstance(ours[name], type(value)), name
        if inspect.isfunction(value):
            assert parameters(ours[name]) == parameters(value), name
            assert ours[name].__doc__ == value.__doc__, name
            assert not inspect.iscoroutinefunction(ours[name]), name
        elif isinstance(value, property):
            assert ours[name].__doc__ == value.__doc__, name


def test_the_constructors_are_the_same() -> None:
    """Item 6: both constructors have the same options with the same defaults."""
    assert parameters(Bluma.__init__) == parameters(AsyncBluma.__init__)
    assert Bluma.__init__.__doc__ == AsyncBluma.__init__.__doc__


def test_every_async_class_is_compared() -> None:
    """The comparison includes the client, its nine resources, their parts, the pages, and the handle of a video."""
    assert len(CLASSES) == 14


def test_the_packages_have_the_same_names() -> None:
    """Only the clients' names differ; `bluma` has the names of both, all errors and types, and the web frameworks."""
    both = set(bluma_async.__all__) - {"AsyncBluma", "AsyncLuma"}

    assert set(bluma_sync.__all__) == both | {"Bluma", "Luma"}
    clients = {"Bluma", "AsyncBluma", "Luma", "AsyncLuma"}
    frameworks = {*webhooks.__all__, *blocking_webhooks.__all__}
    assert set(bluma.__all__) == both | clients | frameworks | {*bluma.errors.__all__, *bluma.types.__all__}
    for package in (bluma, bluma_async, bluma_sync):
        assert set(package.__all__) <= set(dir(package))
        assert all(getattr(package, name) is not None for name in package.__all__)


@pytest.mark.parametrize("name", ["errors", "types"])
def test_the_modules_have_the_same_names(name: str) -> None:
    """Items 92 and 113: `errors` and `types` contain the same class objects; `bluma.types` has those of batches too."""
    source = importlib.import_module(f"bluma_async.{name}")

    for package in ("bluma", "bluma_sync"):
        module = importlib.import_module(f"{package}.{name}")
        assert set(module.__all__) == {*source.__all__, *(OF_BATCHES if f"{package}.{name}" == "bluma.types" else ())}
        assert all(getattr(module, entry) is getattr(source, entry) for entry in source.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A package with lazy names raises AttributeError for a name that it does not have."""
    for package in (bluma, bluma_async, bluma_sync):
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            _ = package.nothing


@pytest.mark.parametrize("name", RESOURCES)
def test_mocks_know_the_resources(name: str) -> None:
    """Item 115 and trap T-4: the class itself has the resources, so that mocks and editors find them."""
    resource = getattr(Bluma, name)

    assert inspect.isclass(resource)
    assert hasattr(Mock(spec=Bluma), name)
    assert {entry for entry in dir(getattr(create_autospec(Bluma), name)) if not entry.startswith("_")} >= {
        entry for entry in vars(resource) if not entry.startswith("_")
    }


def test_mocks_return_configured_values() -> None:
    """Item 115: a mocked create returns its configured value, and an autospec checks the parameters."""
    mock, exact = Mock(spec=Bluma), create_autospec(Bluma, instance=True)
    mock.videos.create.return_value = "video"

    assert mock.videos.create(template_id="t", context={"prompt": "Test"}) == "video"
    with pytest.raises(AttributeError):
        _ = mock.movies
    with pytest.raises(TypeError):
        exact.with_options("positional")


def test_help_shows_signatures_and_docstrings() -> None:
    """`help` and `inspect.signature` show the parameters and the docstring of a blocking method."""
    shown = pydoc.plain(pydoc.render_doc(Bluma.videos.create))

    assert "template_id: 'KnownTemplate | str | Template | None' = None" in shown
    assert "It is billed when the server accepts it" in shown
    assert str(inspect.signature(Bluma.videos.get)) == "(self, video_id: 'str | Video') -> 'Video'"
    assert "on_progress" in inspect.signature(Bluma.videos.wait_for).parameters

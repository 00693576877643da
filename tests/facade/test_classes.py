"""The twin of a class: its header, its constructor, and the twins of its base classes."""

from __future__ import annotations

from typing import Tuple

import pytest

from facade.source import RefusedError, Source
from tests.facade.rendering import HEAD, render, render_method

BASES = (
    HEAD.replace(
        '__all__ = ["AsyncThings", "Handle"]', '__all__ = ["AsyncThings", "Handle", "Many", "Named", "Special"]'
    )
    + '''

class Special(Handle[int]):
    """A special handle."""

    def __init__(self, inner: object, size: int) -> None:
        super().__init__(inner)
        self._size = size

    async def measure(self) -> int:
        """Measure it."""
        return self._size


class Many(Handle[List[T]]):
    """A handle of lists, with no async method of its own."""


class Named(Handle[List[T]], Generic[T]):
    """A handle with a name."""

    async def name(self, default: T) -> str | T:
        return default

'''
)


def test_the_header_names_source_and_command() -> None:
    """The first line of the file names the file to change instead."""
    text, _ = render_method("async def get(self) -> int:\n    return 1")

    assert text.startswith("# Generated from bluma_async/things.py by `nox -s facade`: change that, not this.\n")
    assert "class Things:" in text
    assert "from bluma_async.things import LIMIT, T" in text.replace("\nfrom bluma_async.things import T", ", T")


def test_iterating_handles() -> None:
    """A class for `async for` becomes a class for `for`; its constructor takes the async object."""
    text, _ = render_method("async def get(self) -> int:\n    return 1")

    assert "class Handle(Generic[T]):" in text
    assert "def __init__(self, twin: asynchronous.Handle[T]) -> None:\n        self._async = twin" in text
    assert "def __iter__(self) -> Handle[T]:\n        return self" in text
    assert "def __next__(self) -> T:\n        return step(self._async)" in text


def cut_class(text: str, head: str) -> str:
    """Return the text of one class."""
    return (head + text.split(head, 1)[1].split("\nclass ", 1)[0]).strip()


def test_a_twin_inherits_from_the_twin_of_its_base() -> None:
    """The base, the docstring and the own methods are copied; inherited methods are not written again."""
    text = cut_class(render(BASES), "class Special(Handle[int]):")

    assert text.splitlines() == [
        "class Special(Handle[int]):",
        '    """A special handle."""',
        "",
        "    def __init__(self, twin: asynchronous.Special) -> None:",
        "        self._async: asynchronous.Special = twin",
        "",
        "    def measure(self) -> int:",
        '        """Measure it."""',
        "        return run(self._async.measure())",
    ]


def test_inherited_async_methods_are_enough_for_a_twin() -> None:
    """A class without async methods of its own gets a twin too, with the type variables of its base."""
    text = cut_class(render(BASES), "class Many(Handle[List[T]]):")

    assert "def __init__(self, twin: asynchronous.Many[T]) -> None:" in text
    assert "self._async: asynchronous.Many[T] = twin" in text


def test_the_parameters_of_generic_come_first() -> None:
    """With Generic among the bases, its parameters alone are those of the class."""
    text = cut_class(render(BASES), "class Named(Handle[List[T]], Generic[T]):")

    assert "def __init__(self, twin: asynchronous.Named[T]) -> None:" in text
    assert "__all__ = ['Handle', 'Many', 'Named', 'Special', 'Things']" in render(BASES)


def test_a_base_of_another_module_is_imported_with_its_blocking_name() -> None:
    """The twin imports the twin of the base from the blocking package."""
    base = Source(
        "bluma_async.bases",
        "bluma_async/bases.py",
        '__all__ = ["AsyncBase"]\n\n\nclass AsyncBase:\n    async def get(self) -> int:\n        return 1\n',
    )
    text = render(
        '"""Things."""\nfrom bluma_async.bases import AsyncBase\n__all__ = ["Things"]\n\n\n'
        'class Things(AsyncBase):\n    """Things."""\n',
        base,
    )

    assert "class Things(Base):" in text
    assert "from bluma_sync.bases import Base\n" in text
    assert "bluma_async.bases" not in text


REFUSED = {
    "a base that is not exported": (
        "class _Hidden:\n    async def get(self) -> int:\n        return 1\n\n\nclass Handle(_Hidden):\n    ...\n",
        "inherits async methods from _Hidden, which has no twin",
    ),
    "a base that users construct": (
        (
            'class Client:\n    def __init__(self) -> None:\n        """Set up."""\n\n'
            "    async def get(self) -> int:\n        return 1\n\n\nclass Handle(Client):\n    ...\n"
        ),
        "inherits from Client, whose twin constructs Client",
    ),
    "a base named through its module": (
        "class Client:\n    async def get(self) -> int:\n        return 1\n\n\nclass Handle(things.Client):\n    ...\n",
        "names its base Client through a module",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_base_without_a_rule_is_refused(kind: str) -> None:
    """A base without a twin would bring async methods into the blocking package."""
    case: Tuple[str, str] = REFUSED[kind]

    with pytest.raises(RefusedError, match=rf"^bluma_async/things\.py:\d+: Handle {case[1]}"):
        render(f'__all__ = ["Client", "Handle"]\n\n\n{case[0]}')


CLIENT = """__all__ = ["Client", "Handle"]


class Handle:
    async def get(self) -> int:
        return 1


class Client:
    handle: Resource[Client, Handle] = Resource({home}, lambda client, cls: cls(client))

    async def close(self) -> None:
        pass
"""


def test_a_resource_becomes_the_twin_of_its_class() -> None:
    """Its module is the blocking one, and it wraps the resource of the async client."""
    text = render(CLIENT.format(home='"bluma_async.things:Handle"'))

    build = 'Resource("bluma_sync.things:Handle", lambda client, cls: cls(client._async.handle))'
    assert f"    handle: Resource[Client, Handle] = {build}\n" in text


def test_a_resource_names_its_class() -> None:
    """A class itself would be imported with the client."""
    with pytest.raises(RefusedError, match="must name its class as 'module:Name'"):
        render(CLIENT.format(home="Handle"))

"""
The descriptor that makes `client.videos` and its siblings.

Rule 1: the module of a resource is imported when the resource is first used, so that importing a client is fast.
Rule 2: a mock of an async client is an async mock of each resource, so that `await mock.videos.create(...)` works with
`Mock(spec=AsyncBluma)`. `unittest.mock` asks `iscoroutinefunction`: older Pythons ask the resource's class, 3.12 and
later this descriptor. Both are marked.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Callable, Generic, TypeVar, cast, overload

__all__ = ["Resource"]

C = TypeVar("C")
R = TypeVar("R")


class Resource(Generic[C, R]):
    """A resource of a client. On the client's class it is the resource's class, so that tests can patch its methods."""

    def __init__(self, home: str, build: Callable[[C, type[R]], R]) -> None:
        """
        Describe a resource.

        Args:
            home: The module and the name of its class, as in `package.module:Name`. All those of `bluma_async` are
                async, and no others.
            build: Makes the resource from a client and from its class.
        """
        self._module, _, self._class_name = home.partition(":")
        self._is_async = home.startswith("bluma_async.")
        self._build = build
        self._name = ""
        if self._is_async and sys.version_info >= (3, 12):
            import inspect  # noqa: PLC0415 - older versions need no mark, and importing the SDK is faster without it

            inspect.markcoroutinefunction(self)  # type: ignore[type-var]  # it marks any object

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, client: None, owner: type[C]) -> type[R]: ...
    @overload
    def __get__(self, client: C, owner: type[C]) -> R: ...
    def __get__(self, client: C | None, owner: type[C]) -> type[R] | R:
        cls = self._load()
        if client is None:
            return cls
        resource = self._build(client, cls)
        vars(client)[self._name] = resource  # found before this descriptor from now on
        return resource

    def _load(self) -> type[R]:
        cls = getattr(import_module(self._module), self._class_name)
        if self._is_async and "_is_coroutine" not in vars(cls):
            cls._is_coroutine = _CoroutineMark()
        return cast("type[R]", cls)


class _CoroutineMark:
    """The mark of asyncio for functions that return coroutines."""

    def __get__(self, resource: object, owner: type[Any]) -> object:
        import asyncio.coroutines  # noqa: PLC0415 - importing the SDK must not load asyncio

        return getattr(asyncio.coroutines, "_is_coroutine", None)

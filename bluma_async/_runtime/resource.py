"""
The descriptor that makes `client.videos` and its siblings.

Rule: a mock of an async client is an async mock of each resource, so that `await mock.videos.create(...)` works with
`Mock(spec=AsyncBluma)`. `unittest.mock` decides that by what `asyncio.iscoroutinefunction` says of the attribute: of
the class that it has on the client's class, or of this descriptor in newer versions. Both carry the marks for it.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable, Generic, TypeVar, overload

__all__ = ["Resource"]

C = TypeVar("C")
R = TypeVar("R")


class Resource(Generic[C, R]):
    """A resource of a client. On the client's class it is the resource's class, so that tests can patch its methods."""

    def __init__(self, cls: type[R], build: Callable[[C], R]) -> None:
        self._cls = cls
        self._build = build
        self._name = ""
        if any(inspect.iscoroutinefunction(member) for base in cls.__mro__ for member in vars(base).values()):
            cls._is_coroutine = _CoroutineMark()  # type: ignore[attr-defined]  # asyncio reads it from any object
            mark: Any = getattr(inspect, "markcoroutinefunction", None)  # since Python 3.12
            if mark is not None:
                mark(self)

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, client: None, owner: type[C]) -> type[R]: ...
    @overload
    def __get__(self, client: C, owner: type[C]) -> R: ...
    def __get__(self, client: C | None, owner: type[C]) -> type[R] | R:
        if client is None:
            return self._cls
        resource = self._build(client)
        vars(client)[self._name] = resource  # found before this descriptor from now on
        return resource


class _CoroutineMark:
    """The mark of asyncio for functions that return coroutines."""

    def __get__(self, resource: object, owner: type[Any]) -> object:
        import asyncio.coroutines  # noqa: PLC0415 - importing the SDK must not load asyncio

        return getattr(asyncio.coroutines, "_is_coroutine", None)

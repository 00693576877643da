"""The descriptor that makes `client.videos` and its siblings."""

from __future__ import annotations

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

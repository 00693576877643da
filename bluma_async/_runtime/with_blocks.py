"""Explain the wrong kind of `with`: `with` for an async client, or `async with` for a blocking one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["WithBlocks"]


class WithBlocks:
    """
    The base of clients. A client defines the methods of its own kind of `with`; those of the other kind raise.

    Type checkers do not see the methods here, because they refuse the wrong kind by themselves.
    """

    if not TYPE_CHECKING:

        def __enter__(self) -> Any:
            raise TypeError(_describe(self, "async with", "with", "async", "blocking"))

        def __exit__(self, *_: object) -> None:
            """Python looks up `__exit__` before it calls `__enter__`."""

        def __aenter__(self) -> Any:
            raise TypeError(_describe(self, "with", "async with", "blocking", "async"))

        def __aexit__(self, *_: object) -> None:
            """Python looks up `__aexit__` before it calls `__aenter__`."""


def _describe(client: object, right: str, wrong: str, own: str, other: str) -> str:
    name = type(client).__name__
    twin = name[len("Async") :] if name.startswith("Async") else f"Async{name}"
    return f"{name} is {own}: write `{right} {name}(...)`, not `{wrong}`. The {other} client is {twin}."

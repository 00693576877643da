"""The descriptor that makes `client.timeout` and its siblings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from typing_extensions import Never, Self

__all__ = ["ClientOption"]

T = TypeVar("T")


class ClientOption(Generic[T]):
    """An option of a client as a read-only attribute, of an async client and of its blocking twin alike."""

    def __init__(self) -> None:
        self._name = ""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, client: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, client: object, owner: type[Any]) -> T: ...
    def __get__(self, client: object, owner: type[Any]) -> Any:
        return self if client is None else getattr(self._get_options(client), self._name)

    def __set__(self, client: object, value: Never) -> None:
        copy = f"`client.with_options({self._name}=...)` returns a copy with another value"
        raise AttributeError(f"{self._name} cannot be set: the options of a client do not change. {copy}.")

    @staticmethod
    def _get_options(client: object) -> object:
        """Return the options of a client. A blocking twin holds its async client in `_async`."""
        asynchronous: Any = getattr(client, "_async", client)
        return asynchronous._session.options  # noqa: SLF001 - the attribute is a part of the client

"""Render small modules with the generator."""

from __future__ import annotations

from typing import Tuple

from facade.modules import render_module
from facade.source import Source
from facade.twins import Twins

HEAD = '''"""Things."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, AsyncGenerator, AsyncIterator, Generic, List, TypeVar, overload

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from typing_extensions import Self

__all__ = ["AsyncThings", "Handle"]
T = TypeVar("T")
LIMIT = 7


class Handle(Generic[T]):
    """A handle."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def __aiter__(self) -> Handle[T]:
        return self

    async def __anext__(self) -> T:
        raise StopAsyncIteration


class AsyncThings:
    """Things."""

    async def first(self) -> None:
        return None

    def __init__(self, name: str, *, limit: int = LIMIT) -> None:
        """Set up."""

'''


def render(text: str, *others: Source, module: str = "bluma_async.things") -> str:
    """Return the twin of a module, as it is before formatting; other modules may have its base classes."""
    source = Source(module, f"{module.replace('.', '/')}.py", text)
    return render_module(source, Twins.collect([source, *others]))


def render_method(method: str) -> Tuple[str, str]:
    """Return the twin of a module with one more method in its last class, and the text of that method's twin."""
    lines = "".join(f"    {line}\n" if line else "\n" for line in method.strip().splitlines())
    text = render(HEAD + lines)
    return text, text.split("limit=limit)\n", 1)[1].strip()

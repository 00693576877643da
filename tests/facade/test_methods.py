"""The twin of a method: one call for each kind of method, and a refusal where there is no rule."""

from __future__ import annotations

import pytest

from facade.source import RefusedError
from tests.facade.rendering import render_method

METHODS = {
    "a coroutine": (
        'async def get(self, a: str, b: int = 1, *, c: bool = False) -> List[str]:\n    """Get."""\n    return []',
        (
            'def get(self, a: str, b: int = 1, *, c: bool = False) -> List[str]:\n        """Get."""\n'
            "        return run(self._async.get(a, b, c=c))"
        ),
    ),
    "a coroutine that returns nothing": (
        "async def drop(self) -> None:\n    ...",
        "def drop(self) -> None:\n        run(self._async.drop())",
    ),
    "a plain method": (
        "def size(self) -> int:\n    return 1",
        "def size(self) -> int:\n        return self._async.size()",
    ),
    "any arguments": (
        "async def call(self, *args: int, **kwargs: str) -> int:\n    return 1",
        "def call(self, *args: int, **kwargs: str) -> int:\n        return run(self._async.call(*args, **kwargs))",
    ),
    "a property": (
        '@property\ndef name(self) -> str:\n    """Name."""\n    return ""',
        '@property\n    def name(self) -> str:\n        """Name."""\n        return self._async.name',
    ),
    "an async generator": (
        "async def items(self, a: str) -> AsyncIterator[int]:\n    yield 1",
        "def items(self, a: str) -> Iterator[int]:\n        return iterate(self._async.items(a))",
    ),
    "a plain method that gives an async iterator": (
        "def items(self) -> AsyncIterator[int]:\n    return self._items",
        "def items(self) -> Iterator[int]:\n        return iterate(self._async.items())",
    ),
    "an async context manager": (
        "@asynccontextmanager\nasync def opened(self) -> AsyncGenerator[str, None]:\n    yield ''",
        "def opened(self) -> AbstractContextManager[str]:\n        return entered(self._async.opened())",
    ),
    "a plain method that gives an async context manager": (
        "def opened(self) -> AbstractAsyncContextManager[str]:\n    return self._opened",
        "def opened(self) -> AbstractContextManager[str]:\n        return entered(self._async.opened())",
    ),
    "a class method": (
        "@classmethod\nasync def made(cls, name: str) -> Self:\n    return cls(name)",
        (
            "@classmethod\n    def made(cls, name: str) -> Self:\n"
            "        return mirror(cls, run(asynchronous.AsyncThings.made(name)))"
        ),
    ),
    "a static method": (
        "@staticmethod\ndef check(name: str) -> bool:\n    return True",
        "@staticmethod\n    def check(name: str) -> bool:\n        return asynchronous.AsyncThings.check(name)",
    ),
    "a copy of itself": (
        "def copy(self) -> Self:\n    return self",
        "def copy(self) -> Self:\n        return mirror(type(self), self._async.copy())",
    ),
    "a handle": (
        "def handle(self) -> Handle[int]:\n    return Handle(1)",
        "def handle(self) -> Handle[int]:\n        return Handle(self._async.handle())",
    ),
    "handles": (
        "async def handles(self) -> List[Handle[int]]:\n    return []",
        (
            "def handles(self) -> List[Handle[int]]:\n"
            "        return [Handle(entry) for entry in run(self._async.handles())]"
        ),
    ),
    "a handle of another name": (
        "async def others(self) -> List[AsyncThings]:\n    return []",
        "def others(self) -> List[Things]:\n        return [Things(entry) for entry in run(self._async.others())]",
    ),
    "closing": (
        "async def aclose(self) -> None:\n    ...",
        "def close(self) -> None:\n        run(self._async.aclose())",
    ),
    "entering": (
        "async def __aenter__(self) -> Self:\n    return self",
        "def __enter__(self) -> Self:\n        run(self._async.__aenter__())\n        return self",
    ),
    "a signature over many lines": (
        "async def get(\n    self,\n    a: str,  # the first\n) -> List[\n    str\n]:\n    return []",
        (
            "def get(\n        self,\n        a: str,  # the first\n    ) -> List[\n        str\n    ]:\n"
            "        return run(self._async.get(a))"
        ),
    ),
}


@pytest.mark.parametrize("kind", METHODS)
def test_a_method_becomes_one_call(kind: str) -> None:
    """Signature and docstring are copied; the body is one call."""
    method, expected = METHODS[kind]

    _, text = render_method(method)

    assert text == expected


def test_overloads_are_kept() -> None:
    """The overloads are copied, and the one call below them is cast to the type that covers them all."""
    _, text = render_method(
        "@overload\nasync def get(self, a: str) -> str: ...\n\n@overload\nasync def get(self, a: int) -> int: ...\n\n"
        "async def get(self, a: str | int) -> str | int:\n    return a"
    )

    assert text.count("@overload\n    def get(self, a:") == 2
    assert 'call = cast("Callable[..., Coroutine[Any, Any, str | int]]", self._async.get)' in text
    assert text.endswith("return run(call(a))")


REFUSED = {
    "a docstring for async callers": (
        'async def get(self) -> int:\n    """Call `await get()`."""\n    return 1',
        "'await'",
    ),
    "an unknown decorator": ("@cached\nasync def get(self) -> int:\n    return 1", "decorated with cached"),
    "no return type": ("async def get(self):\n    return 1", "has no return type"),
    "an async object among the parameters": (
        "async def get(self, things: AsyncThings) -> int:\n    return 1",
        "takes an async object, 'things'",
    ),
    "a handle inside something": (
        "async def get(self) -> dict[str, Handle[int]]:\n    return {}",
        "in a way that has no rule",
    ),
    "handles to iterate over": (
        "async def get(self) -> AsyncIterator[Handle[int]]:\n    yield Handle(1)",
        "in a way that has no rule",
    ),
    "an iterator to await": (
        "async def get(self) -> AsyncIterator[int]:\n    return self._x",
        "must be awaited before",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_method_without_a_rule_is_refused(kind: str) -> None:
    """The error names the place and the reason."""
    method, why = REFUSED[kind]

    with pytest.raises(RefusedError, match=rf"^bluma_async/things\.py:\d+: get .*{why}"):
        render_method(method)

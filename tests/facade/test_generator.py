"""The generator: what it writes for each kind of method, what it refuses, and what its check finds."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Tuple

import pytest

from facade.__main__ import main
from facade.files import BY_HAND, differences, generate, write
from facade.modules import Twins, render_module
from facade.source import RefusedError, Source

ROOT = Path(__file__).resolve().parent.parent.parent
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


def sliced(method: str) -> Tuple[str, str]:
    """Return the module that follows from a class with one more method, and that method's text alone."""
    lines = "".join(f"    {line}\n" if line else "\n" for line in method.strip().splitlines())
    source = Source("bluma_async.things", "bluma_async/things.py", HEAD + lines)
    text = render_module(source, Twins.of([source]))
    return text, text.split("limit=limit)\n", 1)[1].strip()


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
    """Signature and docstring are the source's; the body is one call."""
    method, expected = METHODS[kind]

    _, text = sliced(method)

    assert text == expected


def test_overloads_are_kept() -> None:
    """They say what fits together; the one call below them is told what they return."""
    _, text = sliced(
        "@overload\nasync def get(self, a: str) -> str: ...\n\n@overload\nasync def get(self, a: int) -> int: ...\n\n"
        "async def get(self, a: str | int) -> str | int:\n    return a"
    )

    assert text.count("@overload\n    def get(self, a:") == 2
    assert 'call = cast("Callable[..., Coroutine[Any, Any, str | int]]", self._async.get)' in text
    assert text.endswith("return run(call(a))")


def test_iterating_handles() -> None:
    """A class to iterate over asynchronously becomes one to iterate over."""
    text, _ = sliced("async def get(self) -> int:\n    return 1")

    assert "class Handle(Generic[T]):" in text
    assert "def __init__(self, twin: asynchronous.Handle[T]) -> None:\n        self._async = twin" in text
    assert "def __iter__(self) -> Handle[T]:\n        return self" in text
    assert "def __next__(self) -> T:\n        return step(self._async)" in text


def test_the_header_names_source_and_command() -> None:
    """Who opens the file is told where to change it."""
    text, _ = sliced("async def get(self) -> int:\n    return 1")

    assert text.startswith("# Generated from bluma_async/things.py by `nox -s facade`: change that, not this.\n")
    assert "class Things:" in text
    assert "from bluma_async.things import LIMIT, T" in text.replace("\nfrom bluma_async.things import T", ", T")


REFUSED = {
    "a docstring for async callers": (
        'async def get(self) -> int:\n    """Call `await get()`."""\n    return 1',
        "'await'",
    ),
    "an unknown decorator": ("@cached\nasync def get(self) -> int:\n    return 1", "decorated with cached"),
    "no return type": ("async def get(self):\n    return 1", "does not say what it returns"),
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
def test_what_has_no_rule_is_refused(kind: str) -> None:
    """With its place, instead of guessed at."""
    method, why = REFUSED[kind]

    with pytest.raises(RefusedError, match=rf"^bluma_async/things\.py:\d+: get .*{why}"):
        sliced(method)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a copy of both packages."""
    for package in ("bluma_async", "bluma_sync"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "sandbox"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def check(project: Path) -> Tuple[int, str]:
    """Run the check as CI does; return its exit code, and what it complains of."""
    done = subprocess.run(
        [sys.executable, "-m", "facade", "--check", "--root", str(project)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return done.returncode, done.stderr


def test_the_twin_is_as_it_should_be() -> None:
    """What is in the repository is what the generator writes."""
    assert differences(ROOT, generate(ROOT)) == []


def test_the_check_finds_what_is_wrong(project: Path) -> None:
    """A stale, a truncated, a missing and an orphaned module, each by its name."""
    folder = project / "bluma_sync"
    stale = project / "bluma_async" / "resources" / "templates.py"
    stale.write_text(stale.read_text().replace("Return all templates.", "Return every template."))
    cut = folder / "resources" / "videos.py"
    cut.write_text(cut.read_text()[:-40])
    (folder / "resources" / "usage.py").unlink()
    (folder / "resources" / "orphan.py").write_text("")

    code, told = check(project)

    assert code == 1
    assert told.splitlines() == [
        "bluma_sync/resources/orphan.py has no source: delete it",
        "bluma_sync/resources/templates.py is stale, or was changed by hand: run `nox -s facade`",
        "bluma_sync/resources/usage.py is missing: run `nox -s facade`",
        "bluma_sync/resources/videos.py is stale, or was changed by hand: run `nox -s facade`",
    ]


def test_the_check_finds_docstrings_for_async_callers(project: Path) -> None:
    """Whoever blocks would be misled."""
    path = project / "bluma_async" / "resources" / "templates.py"
    path.write_text(path.read_text().replace("Return all templates.", "Await me: `await templates.list()`."))

    code, told = check(project)

    assert code == 1
    assert "list has a docstring with 'await'" in told


@pytest.mark.parametrize(("wrong", "code"), [(False, 0), (True, 1)])
def test_the_command_line(project: Path, monkeypatch: pytest.MonkeyPatch, wrong: bool, code: int) -> None:
    """It writes and checks; its exit code says whether something is wrong."""
    if wrong:
        path = project / "bluma_async" / "resources" / "templates.py"
        path.write_text(path.read_text().replace("Return all templates.", "`await` me."))

    for arguments in ([], ["--check"]):
        monkeypatch.setattr(sys, "argv", ["facade", "--root", str(project), *arguments])
        assert main() == code


def test_writing_makes_it_right(project: Path) -> None:
    """What the command writes passes the check; what was written by hand stays."""
    wanted = generate(project)
    shutil.rmtree(project / "bluma_sync" / "resources")
    (project / "bluma_sync" / "orphan.py").write_text("")
    by_hand = {name: (project / "bluma_sync" / name).read_text() for name in BY_HAND}

    write(project, wanted)

    assert differences(project, wanted) == []
    assert not (project / "bluma_sync" / "orphan.py").exists()
    assert {name: (project / "bluma_sync" / name).read_text() for name in BY_HAND} == by_hand

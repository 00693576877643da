"""Read the tracebacks of an exception as error reporters do, which store the reprs of local variables."""

from __future__ import annotations

from pathlib import Path
from types import FrameType
from typing import Any, Iterator, List, Mapping, Set

TESTS = str(Path(__file__).parent)
DEPTH = 6  # containers within containers that a reporter opens


def find_shown(error: BaseException, secret: str) -> List[str]:
    """Return the places at which a report of this exception, and of those behind it, would show a secret."""
    found = []
    for each in chain(error):
        name = type(each).__name__
        found += [f"{name}: {text}" for text in show(vars(each), DEPTH) if secret in text]
        found += [f"{name}: {text}" for text in (str(each), repr(each), repr(each.args)) if secret in text]
        for frame in frames(each):
            where = f"{name}: {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}"
            found += [f"{where}: {local}" for local, value in dict(frame.f_locals).items() if _shows(value, secret)]
    return found


def chain(error: BaseException) -> List[BaseException]:
    """Return an exception and all those that it was raised from, or while handling which it was raised."""
    seen: Set[int] = set()
    found: List[BaseException] = []
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen.add(id(each))
            found.append(each)
            waiting += [behind for behind in (each.__cause__, each.__context__) if behind is not None]
    return found


def frames(error: BaseException) -> Iterator[FrameType]:
    """Yield the frames of a traceback, except those of the tests."""
    trace = error.__traceback__
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(TESTS):
            yield trace.tb_frame
        trace = trace.tb_next


def show(value: Any, depth: int) -> Iterator[str]:
    """Yield the texts that a report has for a value: it opens mappings and lists, and stores the repr of the rest."""
    if depth and isinstance(value, Mapping):
        for name, entry in value.items():
            yield str(name)
            yield from show(entry, depth - 1)
    elif depth and isinstance(value, (list, tuple, set, frozenset)):
        for entry in value:
            yield from show(entry, depth - 1)
    else:
        yield value if isinstance(value, str) else repr(value)


def _shows(value: Any, secret: str) -> bool:
    return any(secret in text for text in show(value, DEPTH))

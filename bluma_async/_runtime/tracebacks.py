"""Remove frames from tracebacks: those of libraries whose local variables hold secrets, or that hide the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Collection, List, Set

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["chain", "drop_modules", "keep_frames"]


def keep_frames(trace: TracebackType | None, is_kept: Callable[[TracebackType], bool]) -> TracebackType | None:
    """Return a traceback without the entries that are not kept; None if none is."""
    kept: List[TracebackType] = []
    while trace is not None:
        if is_kept(trace):
            kept.append(trace)
        trace = trace.tb_next
    for entry, following in zip(kept, [*kept[1:], None]):
        entry.tb_next = following
    return kept[0] if kept else None


def chain(error: BaseException) -> List[BaseException]:
    """Return an exception, and all that it was raised from or that were handled when it was raised."""
    seen: Set[int] = set()
    found: List[BaseException] = []
    waiting: List[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            found.append(each)
            waiting += [each.__cause__, each.__context__]
    return found


def drop_modules(error: BaseException, names: Collection[str]) -> None:
    """
    Remove frames from the tracebacks of an exception, and of all that it was raised from.

    Args:
        error: The exception.
        names: Full names of modules, or names of whole packages such as `asyncio`.
    """

    def is_kept(trace: TracebackType) -> bool:
        name = str(trace.tb_frame.f_globals.get("__name__"))
        return name not in names and name.partition(".")[0] not in names

    for each in chain(error):
        each.__traceback__ = keep_frames(each.__traceback__, is_kept)

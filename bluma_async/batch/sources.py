"""
The sources of jobs: a file or a list, which can be read as often as necessary, or a stream, which is read once.

Rule: the user's own iterators run where the user's callbacks run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    List,
    Mapping,
    Sequence,
    Union,
)

import attrs

from bluma_async._runtime.callbacks import call_back
from bluma_async._runtime.threads import in_thread, in_thread_or_leave
from bluma_async._wire.checks import invalid
from bluma_async.batch.frames import LABEL, is_frame, read_frame
from bluma_async.batch.rows import read_rows
from bluma_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    from bluma_async.batch.frames import Frame
    from bluma_async.batch.rows import Row

__all__ = ["JOB", "JobRow", "Jobs", "Source", "find_source", "hold_pipe", "list_rows", "read_stream"]

JobRow = Mapping[str, Any]
Jobs = Union[str, "os.PathLike[str]", Iterable[JobRow], AsyncIterable[JobRow], "Frame", None]
JOB = "job"  # stands before the number of a row that is in no file
END: Any = object()


@attrs.frozen
class Source:
    """
    Rows that can be read as often as necessary.

    Attributes:
        read: Returns an iterator over the rows and their numbers.
        label: What stands before the number of a row in messages.
        file: The file; None for a list or a data frame.
        blocks: Whether reading blocks, and is done in a thread.
    """

    read: Callable[[], Iterator[Row]]
    label: str
    file: Path | None = None
    blocks: bool = False

    async def list_templates(self) -> List[str]:
        """Return the templates that the rows name, in their order. Rows that cannot be read are left out."""
        # A list is read here and not in a thread, because its mappings may be the user's own.
        found: List[str] = await in_thread(self._list_templates) if self.blocks else self._list_templates()
        return found

    def _list_templates(self) -> List[str]:
        found: dict[str, None] = {}
        try:
            for _, row in self.read():
                name: object = row.get("template_id") if isinstance(row, (dict, Mapping)) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # a user's mapping has no types
                if isinstance(name, str) and name.strip():
                    found[name] = None
        except InvalidArgumentError:  # reported when the rows are planned
            pass
        return list(found)


def find_source(jobs: Jobs) -> Source | None:
    """
    Return the rows of a file, a list or a data frame; None for a stream, and for no jobs.

    Raises:
        InvalidArgumentError: It is a single job.
    """
    if isinstance(jobs, (str, os.PathLike)):
        file = Path(jobs)
        return Source(lambda: read_rows(file), f"{file.name}, row", file, blocks=True)
    if isinstance(jobs, Mapping):
        raise invalid("jobs", "jobs must be several jobs, or a file of them; put a single one into a list.")
    if isinstance(jobs, Sequence):
        return list_rows(jobs)
    return Source(lambda: read_frame(jobs), LABEL, blocks=True) if is_frame(jobs) else None


def list_rows(jobs: Sequence[Any]) -> Source:
    """Return the rows of a list."""
    return Source(lambda: iter(enumerate(jobs, 1)), JOB)


async def hold_pipe(source: Source) -> Source:
    """
    Return rows that can be read more than once: those of a pipe are kept, because it can be read once.

    If the caller is cancelled, the pipe is left alone: its writer may never come.

    Raises:
        InvalidArgumentError: The file is missing or not UTF-8, or its header is invalid.
    """
    if source.file is None or await in_thread(source.file.is_file):
        return source
    rows: List[Row] = await in_thread_or_leave(list, source.read())
    return attrs.evolve(source, read=lambda: iter(rows), file=None)


async def read_stream(jobs: Iterable[JobRow] | AsyncIterable[JobRow]) -> AsyncIterator[JobRow]:
    """Yield the rows of a stream, one by one."""
    if isinstance(jobs, AsyncIterable):
        async for row in jobs:
            yield row
        return
    iterator = iter(jobs)
    while (row := await call_back(next, iterator, END)) is not END:
        yield row

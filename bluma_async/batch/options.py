"""The options of a batch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Collection

import attrs

from bluma_async._wire.checks import (
    invalid,
    require_bool,
    require_callable,
    require_choice,
    require_number,
    require_whole,
)
from bluma_async._wire.place_checks import require_path
from bluma_async.batch.folder import Files, LocalFiles, open_files
from bluma_async.stores.postgres.urls import is_postgres_url
from bluma_async.transfer.checks import require_verify
from bluma_async.waiting.waits import require_wait

if TYPE_CHECKING:
    import os

    from typing_extensions import Literal

    from bluma_async.transfer.object_place import ObjectPath

__all__ = ["BatchOptions"]


@attrs.frozen(kw_only=True)
class BatchOptions:
    """The options of a batch, checked."""

    journal: Path | str = attrs.field(repr=False)  # the file, or the URL of a database, which may have a password
    files: Files | None
    concurrency: int
    max_credits: float | None
    on_error: Literal["collect", "raise"]
    poll_interval: float
    timeout: float
    on_change: Callable[..., Any] | None
    exclusive: bool = False
    tag: Literal["preset"] | None = None
    on_status: Callable[..., Any] | None = None
    final_statuses: Collection[str] = ()
    verify: Literal["size", "container", "none"] = "size"

    @classmethod
    def checked(
        cls, journal: str | os.PathLike[str] | None, out: str | os.PathLike[str] | None, **others: Any
    ) -> BatchOptions:
        """
        Return the options.

        Raises:
            InvalidArgumentError: An option is invalid.
        """
        if journal is None and out is None:
            raise invalid("journal", "A batch needs a journal, or a folder `out` to keep one in.")
        files = open_files(out)
        if journal is None and not isinstance(files, LocalFiles):
            raise invalid("journal", f"A batch that saves to {files} needs a journal, such as journal='jobs.sqlite'.")
        place: Path | str
        if isinstance(journal, str) and is_postgres_url(journal):
            place = journal
        else:
            place = Path(str(files), "journal.sqlite") if journal is None else require_path("journal", journal)
        options = cls(journal=place, files=files, **others)
        require_whole("concurrency", options.concurrency, at_least=1)
        require_number("max_credits", options.max_credits, optional=True)
        require_bool("exclusive", options.exclusive)
        if options.tag is not None:
            require_choice("tag", options.tag, ("preset",))
        require_callable("on_change", options.on_change)
        # Now, and not when the first video is waited for: that one is paid for then.
        require_wait(options.poll_interval, options.timeout, None, options.on_status, options.final_statuses)
        require_verify(options.verify)
        require_choice("on_error", options.on_error, ("collect", "raise"))
        return options

    @property
    def saves_files(self) -> bool:
        """Whether videos are saved to files; without a folder, rendered is the last state."""
        return self.files is not None

    @property
    def folder(self) -> str | None:
        """The folder, or the URL, as text; None without one."""
        return None if self.files is None else str(self.files)

    def build_path(self, key: str) -> Path | ObjectPath:
        """Return the path of a job's file, or the name of its object."""
        return (self.files or LocalFiles(Path())).build_path(key)

    def has_file(self, key: str) -> bool:
        """Return whether something has the name of a job's file. Blocks: call it in a thread."""
        return self.files is not None and self.files.has_file(key)

    def has_any_file(self) -> bool:
        """Return whether there is a file that could be a job's. Blocks: call it in a thread."""
        return self.files is not None and self.files.has_any_file()

    def is_complete(self, path: str | None, size: int | None) -> bool:
        """Return whether a file that was saved is still there as a whole. Blocks: call it in a thread."""
        return (self.files or LocalFiles(Path())).is_complete(path, size)

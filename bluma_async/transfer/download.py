"""
Write what a link gives to a file.

Rule 1: the file is either absent or whole. Bytes go beside it, and take its name once they are all there and on disk.
Rule 2: the disk never blocks the event loop.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Awaitable, Callable

from bluma_async._callbacks import call_back
from bluma_async._wire.answers import error_of
from bluma_async._wire.call import invalid
from bluma_async._wire.messages import Answer
from bluma_async.errors import NetworkError

if TYPE_CHECKING:
    from bluma_async._session import Session
    from bluma_async._wire.messages import Download

__all__ = ["save_link"]

OnBytes = Callable[[int, "int | None"], Any]
LARGEST_ERROR = 2**16


async def save_link(
    session: Session,
    sign: Callable[[], Awaitable[str]],
    file: str | os.PathLike[str],
    *,
    overwrite: bool,
    on_progress: OnBytes | None,
) -> int:
    """
    Write what a link gives to a file, and return its size.

    Args:
        session: What to fetch with.
        sign: Gives the link.
        file: Where to write.
        overwrite: Whether a file that is there may be replaced.
        on_progress: Called with the bytes written and the bytes there are, if known.

    Raises:
        InvalidArgumentError: The file is there, or its folder is not.
        APIError: The link's host refused it.
        NetworkError: The connection broke, or closed before all bytes were there.
    """
    import anyio.to_thread  # noqa: PLC0415 - importing the SDK must not load anyio

    target, part = Path(file), _Part(Path(f"{os.fspath(file)}.part"))
    await anyio.to_thread.run_sync(_require_place, target, overwrite)
    try:
        async with session.stream(await sign(), {}) as download:
            await anyio.to_thread.run_sync(part.open)
            size = await _copy(download, part, on_progress)
        await anyio.to_thread.run_sync(part.keep, target)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(part.drop)
        raise
    return size


class _Part:
    """The bytes so far, beside the file that they will be. Everything here blocks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_begun = False
        self._file: IO[bytes]

    def open(self) -> None:
        """Begin with an empty file."""
        self._file = self._path.open("wb")
        self._is_begun = True

    def write(self, piece: bytes) -> None:
        """Add bytes."""
        self._file.write(piece)

    def keep(self, target: Path) -> None:
        """See that all is on disk, and give it the file's name."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._path.replace(target)

    def drop(self) -> None:
        """Leave nothing behind."""
        if self._is_begun:
            self._file.close()
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()


async def _copy(download: Download, part: _Part, on_progress: OnBytes | None) -> int:
    import anyio.to_thread  # noqa: PLC0415 - as above

    if download.status != 200:
        raise error_of(Answer(download.status, download.headers, await _beginning(download)))
    length = download.headers.get("content-length")
    total = int(length) if length and length.isdigit() else None
    size = 0
    async for piece in download.pieces:
        await anyio.to_thread.run_sync(part.write, piece)
        size += len(piece)
        if on_progress is not None:
            await call_back(on_progress, size, total)
    if total is not None and size != total:
        raise NetworkError(f"The download broke off after {size} of {total} bytes; nothing was kept. Save it again.")
    return size


async def _beginning(download: Download) -> bytes:
    body = b""
    async for piece in download.pieces:
        body += piece
        if len(body) > LARGEST_ERROR:
            break
    return body


def _require_place(target: Path, overwrite: bool) -> None:
    if not target.parent.is_dir():
        raise invalid("path", f"There is no folder {str(target.parent)!r} to write to.")
    if target.is_dir():
        raise invalid("path", f"{str(target)!r} is a folder, not a file.")
    if target.exists() and not overwrite:
        raise invalid("path", f"{str(target)!r} is already there; pass overwrite=True to replace it.")

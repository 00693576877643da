"""Prepare files for an upload: each attempt opens and reads them again."""

from __future__ import annotations

import io
import mimetypes
import os
from pathlib import Path
from typing import IO, Awaitable, Callable, Dict, List, Sequence, TypeVar, Union

from bluma_async._wire.checks import invalid
from bluma_async._wire.messages import Part

__all__ = ["AssetFile", "gather_some", "make_parts", "require_files"]

T = TypeVar("T")
R = TypeVar("R")

AssetFile = Union[str, "os.PathLike[str]", bytes, IO[bytes]]
MAX_FILES = 20
MAX_BYTES = 100 * 10**6


async def make_parts(files: Sequence[AssetFile], file_type: str | None) -> List[Part]:
    """
    Return the files as parts of a body. Paths are read when they are sent; file objects are read into memory now.

    Raises:
        InvalidArgumentError: There are too many files, one is too large, or one cannot be read.
    """
    from bluma_async._runtime.threads import in_thread  # noqa: PLC0415 - asyncio is a fifth of the SDK's import time

    require_files(files)
    if not 0 < len(files) <= MAX_FILES:
        raise invalid("files", f"files must be a list of 1 to {MAX_FILES} paths, bytes or binary file objects.")
    return [await in_thread(_make_part, file, index, file_type) for index, file in enumerate(files)]


def require_files(files: object) -> None:
    """
    Require a list of files. A single text is refused: each of its letters would be a path.

    Raises:
        InvalidArgumentError: The value is not a list.
    """
    if isinstance(files, (str, bytes)) or not isinstance(files, Sequence):
        raise invalid("files", f"files must be a list of paths, bytes or binary file objects, not {files!r}.")


async def gather_some(process: Callable[[T], Awaitable[R]], items: Sequence[T], concurrency: int) -> List[R]:
    """Process the items, at most `concurrency` at a time. Return the results in order, or raise the first error."""
    import asyncio  # noqa: PLC0415 - a fifth of the SDK's import time

    results: Dict[int, R] = {}
    numbered = iter(enumerate(items))

    async def worker() -> None:
        for number, item in numbered:
            results[number] = await process(item)

    workers = [asyncio.ensure_future(worker()) for _ in range(min(concurrency, len(items)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return [results[number] for number in range(len(items))]


def _make_part(file: AssetFile, index: int, file_type: str | None) -> Part:
    if isinstance(file, (str, os.PathLike)):
        return _make_path_part(Path(file), file_type)
    if not isinstance(file, bytes) and not hasattr(file, "read"):  # pyright: ignore[reportUnnecessaryComparison]  # callers pass anything
        raise invalid("files", f"File {index} must be a path, bytes or a binary file object, not {file!r}.")
    content = file if isinstance(file, bytes) else file.read()
    if not isinstance(content, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]  # a text file returns str
        raise invalid("files", f"File {index} must be opened in binary mode.")
    _require_size(f"File {index}", len(content))
    path = getattr(file, "name", None)
    name = os.path.basename(path) if isinstance(path, str) else f"file-{index}"  # noqa: PTH119 - a name only
    return Part("files", name, _guess_type(name, file_type), lambda: io.BytesIO(content), len(content))


def _make_path_part(path: Path, file_type: str | None) -> Part:
    try:
        size = path.stat().st_size if path.is_file() else None
    except (OSError, ValueError) as problem:  # a name that is too long, for example
        raise invalid("files", f"{str(path)!r} cannot be read: {problem}.") from problem
    if size is None:
        is_missing = not path.exists()
        text = f"There is no file {str(path)!r}." if is_missing else f"{str(path)!r} is not a regular file."
        raise invalid("files", text)
    _require_size(repr(str(path)), size)
    return Part("files", path.name, _guess_type(path.name, file_type), lambda: path.open("rb"), size)


def _require_size(name: str, size: int) -> None:
    if size > MAX_BYTES:
        raise invalid("files", f"{name} has {size} bytes; an asset may have at most {MAX_BYTES}.")


def _guess_type(name: str, file_type: str | None) -> str:
    return file_type or mimetypes.guess_type(name)[0] or "application/octet-stream"

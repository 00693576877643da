"""Files on their way into a multipart body: each attempt reads them afresh."""

from __future__ import annotations

import io
import mimetypes
import os
from pathlib import Path
from typing import IO, Awaitable, Callable, Dict, List, Sequence, TypeVar, Union

from bluma_async._wire.checks import invalid
from bluma_async._wire.messages import Part

__all__ = ["AssetFile", "gather_some", "parts_of"]

T = TypeVar("T")
R = TypeVar("R")

AssetFile = Union[str, "os.PathLike[str]", bytes, IO[bytes]]
MAX_FILES = 20
MAX_BYTES = 100 * 10**6


async def parts_of(files: Sequence[AssetFile], file_type: str | None) -> List[Part]:
    """
    Return the files as parts of a body. Paths are read when they are sent; file objects are read into memory now.

    Raises:
        InvalidArgumentError: There are too many, one is too large, or one cannot be read.
    """
    from anyio.to_thread import run_sync  # noqa: PLC0415 - importing the SDK must not load anyio

    if isinstance(files, (str, bytes)) or not 0 < len(files) <= MAX_FILES:
        raise invalid("files", f"files must be a list of 1 to {MAX_FILES} paths, bytes or binary file objects.")
    return [await run_sync(_part, file, index, file_type) for index, file in enumerate(files)]


async def gather_some(work: Callable[[T], Awaitable[R]], items: Sequence[T], concurrency: int) -> List[R]:
    """Do something with each item, so many at a time; return the results in order, or raise the first error."""
    import asyncio  # noqa: PLC0415 - a fifth of the SDK's import time

    results: Dict[int, R] = {}
    numbered = iter(enumerate(items))

    async def worker() -> None:
        for number, item in numbered:
            results[number] = await work(item)

    workers = [asyncio.ensure_future(worker()) for _ in range(min(concurrency, len(items)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return [results[number] for number in range(len(items))]


def _part(file: AssetFile, index: int, file_type: str | None) -> Part:
    if isinstance(file, (str, os.PathLike)):
        return _part_of_path(Path(file), file_type)
    if not isinstance(file, bytes) and not hasattr(file, "read"):  # pyright: ignore[reportUnnecessaryComparison]
        raise invalid("files", f"File {index} must be a path, bytes or a binary file object, not {file!r}.")
    content = file if isinstance(file, bytes) else file.read()
    if not isinstance(content, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]  # a text file gives str
        raise invalid("files", f"File {index} must be opened in binary mode.")
    _require_size(f"File {index}", len(content))
    given = getattr(file, "name", None)
    name = os.path.basename(given) if isinstance(given, str) else f"file-{index}"  # noqa: PTH119 - a name only
    return Part("files", name, _type_of(name, file_type), lambda: io.BytesIO(content), len(content))


def _part_of_path(path: Path, file_type: str | None) -> Part:
    if not path.is_file():
        raise invalid("files", f"There is no file {str(path)!r}.")
    size = path.stat().st_size
    _require_size(repr(str(path)), size)
    return Part("files", path.name, _type_of(path.name, file_type), lambda: path.open("rb"), size)


def _require_size(what: str, size: int) -> None:
    if size > MAX_BYTES:
        raise invalid("files", f"{what} has {size} bytes; an asset may have {MAX_BYTES}.")


def _type_of(name: str, file_type: str | None) -> str:
    return file_type or mimetypes.guess_type(name)[0] or "application/octet-stream"

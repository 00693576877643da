"""
Receive files: by PUT to a signed link, or as the parts of a form.

Rule 1: every piece of a body is written to disk as it arrives, so that memory does not grow with the size of a file.
Rule 2: a file has a temporary name until it is complete, and is deleted if it is not completed or not kept.
"""

from __future__ import annotations

import asyncio
import mimetypes
import secrets
from typing import IO, TYPE_CHECKING, Any, AsyncIterable, AsyncIterator, Dict, List, Tuple

import attrs
from aiohttp import BodyPartReader

from bluma_async.sandbox.api_errors import ApiError, bad_request
from bluma_async.sandbox.threads import in_thread

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web
    from typing_extensions import Self

__all__ = [
    "FAMILIES",
    "LARGEST_FILE",
    "MIME_TYPES",
    "PIECE",
    "UNLABELLED",
    "Form",
    "StagedFile",
    "TooLargeError",
    "read_form",
    "write_body",
]

LARGEST_FILE = 100 * 10**6  # bytes
MOST_FILES = 20
MOST_PARTS = 100  # files and fields
LONGEST_FIELD = 1000  # bytes
PIECE = 2**18  # bytes that are held at a time
FAMILIES = ("image", "video", "audio")
UNLABELLED = "application/octet-stream"
# Made at import, because the first use of `mimetypes` reads files; this instance knows Python's own types only, so that
# a sandbox treats a file alike on every machine.
MIME_TYPES = mimetypes.MimeTypes()


class TooLargeError(Exception):
    """A body is larger than a file may be; nothing of it was kept."""


@attrs.frozen(kw_only=True)
class StagedFile:
    """A file that has arrived, under a temporary name."""

    name: str
    kind: str
    path: Path
    size: int


@attrs.define
class Form:
    """The files and fields of a form. Used as a context manager, it deletes the files that were not moved."""

    files: List[StagedFile] = attrs.field(factory=lambda: [])  # noqa: PIE807 - `list` has no types
    fields: Dict[str, str] = attrs.field(factory=lambda: {})  # noqa: PIE807 - `dict` has no types

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.files:
            await _delete(*(file.path for file in self.files))


async def write_body(pieces: AsyncIterable[bytes], path: Path) -> int:
    """
    Write a body to a new file, and return its size in bytes.

    Raises:
        TooLargeError: The body is larger than LARGEST_FILE. The file was deleted, as after any other error.
    """
    out: IO[bytes] = await in_thread(path.open, "xb")
    try:
        size = await _copy(pieces, out)
        await in_thread(out.close)
    except BaseException:  # a cancellation too
        await _delete(path, opened=out)
        raise
    return size


async def _copy(pieces: AsyncIterable[bytes], out: IO[bytes]) -> int:
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > LARGEST_FILE:
            raise TooLargeError
        await in_thread(out.write, piece)
    return size


async def _delete(*paths: Path, opened: IO[bytes] | None = None) -> None:
    """Delete files that may exist. Shielded, because a cancellation at this moment would leave them for ever."""

    def work() -> None:
        if opened is not None:
            opened.close()
        for path in paths:
            path.unlink(missing_ok=True)

    await asyncio.shield(in_thread(work))


async def read_form(request: web.Request, folder: Path, form: Form) -> None:
    """
    Read a multipart body into a form: files to the folder, fields to memory.

    Raises:
        ApiError: The body is malformed, too large, or has a part that is not an image, video or audio.
    """
    reader: Any = await request.multipart()
    parts = 0
    async for part in reader:
        parts += 1
        if not isinstance(part, BodyPartReader) or parts > MOST_PARTS:
            raise bad_request(("files", f"must be at most {MOST_PARTS} parts that are not nested"))
        if part.name == "files":
            form.files.append(await _read_file(part, folder, len(form.files)))
        elif part.name:
            form.fields[part.name] = await _read_field(part)


async def _read_file(part: BodyPartReader, folder: Path, index: int) -> StagedFile:
    if index >= MOST_FILES:
        raise bad_request(("files", f"must be at most {MOST_FILES}"))
    name, kind = _describe(part, index)
    if kind.partition("/")[0] not in FAMILIES:
        raise bad_request(("files", f"must be images, videos or audio, not {kind}"))
    path = folder / f"form.{secrets.token_hex(8)}.part"  # two dots: no link leads to such a name
    try:
        size = await write_body(_iterate(part), path)
    except TooLargeError:
        raise ApiError(413, f"The file {name!r} is larger than {LARGEST_FILE} bytes.") from None
    return StagedFile(name=name, kind=kind, path=path, size=size)


def _describe(part: BodyPartReader, index: int) -> Tuple[str, str]:
    """Return the name and the MIME type of a file; for a part without a real type, the type that its name implies."""
    name = part.filename or f"file-{index}"
    kind = part.headers.get("Content-Type", UNLABELLED)
    if kind.partition(";")[0].strip().lower() == UNLABELLED:
        kind = MIME_TYPES.guess_type(name, strict=False)[0] or kind
    return name, kind


async def _read_field(part: BodyPartReader) -> str:
    content = bytearray()
    async for piece in _iterate(part):
        content += piece
        if len(content) > LONGEST_FIELD:
            raise ApiError(413, f"A field of the form is larger than {LONGEST_FIELD} bytes.")
    return content.decode("utf-8", "replace")


async def _iterate(part: BodyPartReader) -> AsyncIterator[bytes]:
    while not part.at_eof():
        yield await part.read_chunk(PIECE)

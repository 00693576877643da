"""
Decide whether a file is what the API described.

    verify      what is compared
    none        nothing but the Content-Length of the answer
    size        the sizes that the API and the answer name; and no file may be empty, a web page, JSON, or something
                else that is labelled as an MP4. If nobody names a size, the container is checked
    container   the same, and the container: the boxes of an MP4 must be whole and fill the file

Rule 1: pure: nothing here reads a file or the network by itself.
Rule 2: a file that does not fit is an error that says how to take it nevertheless: a server may describe a paid file
wrongly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from bluma_async._wire.checks import require_choice
from bluma_async.transfer.container import find_defect, is_marked_mp4

if TYPE_CHECKING:
    from typing_extensions import Literal

    from bluma_async.transfer.heads import Head

    Verify = Literal["size", "container", "none"]

__all__ = [
    "BEGINNING",
    "LARGEST_FILE",
    "find_head_problem",
    "find_problem",
    "find_shortage",
    "looks_worthless",
    "require_verify",
]

LARGEST_FILE = 2**33  # 8 GiB, for answers without a length: an endless one must not fill the disk
TEXT = ("text/", "application/json", "application/xml", "application/problem+json", "application/xhtml")
MARKUP = (b"<", b"{", b"[")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BEGINNING = 512  # bytes that tell text from a video


def require_verify(value: object) -> None:
    """
    Require one of the words for `verify`.

    Raises:
        InvalidArgumentError: The value is none of them.
    """
    require_choice("verify", value, ("size", "container", "none"))


def find_shortage(size: int, head: Head, expected: int | None) -> str | None:
    """
    Return how many bytes of a file arrived, if some are missing that the next attempt may bring; None if none is.

    A body whose end is marked is complete, also if the API described more bytes.
    """
    if head.total is not None:
        return f"{size} of {head.total} bytes" if size != head.total else None
    is_cut = expected is not None and size < expected and not head.has_end
    return f'{size} of {expected} bytes (if these are all, take them with verify="none")' if is_cut else None


def find_head_problem(head: Head, expected: int | None, verify: Verify) -> str | None:
    """Return why an answer cannot have the file, by its headers alone; None if it can."""
    if verify == "none":
        return None
    if expected is not None and head.total is not None:
        if expected != head.total:
            kind = f" of {head.content_type}" if head.content_type else ""
            return f"the server sends {head.total} bytes{kind}, and the API described {expected}"
        return None  # the size is better evidence than a label
    return f"the server sends {head.content_type}, and no video" if head.content_type.startswith(TEXT) else None


def find_problem(
    read: Callable[[int, int], bytes], size: int, head: Head, expected: int | None, verify: Verify
) -> str | None:
    """
    Return why a file that arrived as a whole is not what the API described; None if it is.

    Args:
        read: Reads bytes of the file.
        size: The size of the file in bytes.
        head: The head of the answer.
        expected: The size that the API described; None if it did not.
        verify: What is compared.
    """
    if verify == "none":
        return None
    if expected is not None and size != expected:
        return f"it has {size} bytes, and the API described {expected}"
    beginning = read(0, BEGINNING)
    if looks_worthless(beginning):
        return "it is a web page or JSON, and no video" if beginning else "it is empty"
    if head.content_type == "video/mp4" and not is_marked_mp4(beginning):
        return "it is labelled as an MP4, and is none"
    is_size_unknown = expected is None and not head.has_end
    return find_defect(read, size) if verify == "container" or is_size_unknown else None


def looks_worthless(beginning: bytes) -> bool:
    """Return whether a file that begins like this is empty, a web page or JSON, which is not worth keeping."""
    text = beginning[3:] if beginning.startswith(BYTE_ORDER_MARK) else beginning
    return not beginning or text.lstrip().startswith(MARKUP)

"""
Decide what follows the head of an answer to a download.

Rule 1: pure: the head, and the bytes that are on the disk already, lead to one step.
Rule 2: bytes are appended only if the server says that they belong to the same version, and that they begin where the
bytes on the disk end. Servers may ignore `If-Range`, so the rest must come with the same strong ETag.
"""

from __future__ import annotations

import re
from typing import Mapping, Union

import attrs

__all__ = ["Fail", "Head", "Held", "Refused", "StartOver", "Step", "Whole", "Write", "choose_step", "read_head"]

SPAN = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/(?:([0-9]{1,18})|\*)")
UNSATISFIED = re.compile(r"bytes \*/([0-9]{1,18})")
LENGTH = re.compile(r"[0-9]{1,18}")
LONGEST_TAG = 1024


@attrs.frozen
class Head:
    """
    The head of an answer.

    Attributes:
        status: The HTTP status.
        begin: The place in the file of the first byte of the body; None if the server does not say.
        total: The bytes of the whole file; None if the server does not say.
        has_end: Whether the end of the body is marked, so that a body that is cut off is noticed.
        tag: The strong ETag of the file's version; empty without one.
        content_type: The type of the body, in lower case and without parameters; empty if unknown.
    """

    status: int
    begin: int | None = None
    total: int | None = None
    has_end: bool = False
    tag: str = ""
    content_type: str = ""


@attrs.frozen
class Held:
    """The bytes that are on the disk: their number, the ETag of their version, and its size if that is known."""

    size: int = 0
    tag: str = ""
    total: int | None = None


@attrs.frozen
class Write:
    """Write the body to the file, from this place on."""

    begin: int


@attrs.frozen
class Whole:
    """All bytes are on the disk already."""


@attrs.frozen
class StartOver:
    """Delete the bytes on the disk, and try again."""

    reason: str


@attrs.frozen
class Fail:
    """Keep the bytes on the disk, and try again."""

    reason: str


@attrs.frozen
class Refused:
    """The status is an error; the body describes it."""


Step = Union[Write, Whole, StartOver, Fail, Refused]
CHANGED = "The file on the server has changed since the download began"
UNPROVEN = "The server does not say that the rest of the file is of the version that the download began with"


def read_head(status: int, headers: Mapping[str, str]) -> Head:
    """Read the headers of an answer; what is missing or invalid is left out."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        # The transport decodes the body: its length and the places in it are those of another body than the file's.
        return Head(status, 0 if status == 200 else None, None, _has_end(headers), "", kind)
    span = SPAN.fullmatch(headers.get("content-range", ""))
    unsatisfied = UNSATISFIED.fullmatch(headers.get("content-range", ""))
    length = LENGTH.fullmatch(headers.get("content-length", ""))
    begin, total = None, None
    if status == 200:
        begin, total = 0, int(length[0]) if length else None
    elif status == 206 and span:
        begin, total = int(span[1]), int(span[2]) if span[2] else None
    elif status == 416 and unsatisfied:
        total = int(unsatisfied[1])
    has_end = total is not None or _has_end(headers)
    return Head(status, begin, total, has_end, _read_tag(headers.get("etag", "")), kind)


def choose_step(head: Head, held: Held) -> Step:
    """Return what follows the head of an answer, by the bytes that are on the disk."""
    if head.status == 416 and held.size:
        is_whole = head.total == held.size and not _has_changed(head, held)  # nothing is appended
        return Whole() if is_whole else StartOver(CHANGED)
    if head.status not in {200, 206}:
        return Refused()
    if head.begin not in {0, held.size}:
        place = "an unknown place" if head.begin is None else f"byte {head.begin}"
        return Fail(f"The server sent bytes from {place} on, and was asked for those from {held.size} on")
    if head.begin and _has_changed(head, held):
        return StartOver(CHANGED)
    if head.begin and head.tag != held.tag:
        return StartOver(UNPROVEN)
    return Write(head.begin or 0)


def _has_changed(head: Head, held: Held) -> bool:
    has_other_tag = bool(head.tag) and head.tag != held.tag
    return has_other_tag or (head.total is not None and held.total is not None and head.total != held.total)


def _has_end(headers: Mapping[str, str]) -> bool:
    is_chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    return is_chunked or LENGTH.fullmatch(headers.get("content-length", "")) is not None


def _read_tag(text: str) -> str:
    """Return an ETag that names exactly one version of a file; empty text for a weak or invalid one."""
    is_strong = len(text) <= LONGEST_TAG and text.isascii() and text.isprintable() and not text.startswith("W/")
    return text if is_strong else ""

"""MP4 files for tests: small, whole, and without a picture."""

from __future__ import annotations


def box(kind: bytes, content: bytes = b"") -> bytes:
    """Return a box with a 32-bit size."""
    return (len(content) + 8).to_bytes(4, "big") + kind + content


def large_box(kind: bytes, content: bytes) -> bytes:
    """Return a box with a 64-bit size."""
    return b"\0\0\0\1" + kind + (len(content) + 16).to_bytes(8, "big") + content


def make_mp4(content: bytes = b"\0" * 100) -> bytes:
    """Return a whole file with this media data."""
    return box(b"ftyp", b"isom\0\0\2\0isom") + box(b"moov", box(b"mvhd", b"\0" * 100)) + box(b"mdat", content)

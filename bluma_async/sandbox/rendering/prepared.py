"""
Small prepared clips, for tests: real MP4 and JPEG files that are grey from end to end, written without a library.

They need neither Pillow nor PyAV, whose import takes longer than most tests. Their pictures are small too, except where
an API states the size: then the file has it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Callable, Dict, List, Tuple

from bluma_async.sandbox.rendering.grey_h264 import LEVEL, PROFILE, encode_grey, make_parameter_sets

if TYPE_CHECKING:
    from pathlib import Path

    from bluma_async.sandbox.tables import Row

__all__ = ["PreparedClips", "make_jpeg", "make_mp4"]

SMALL = (180, 320)
TIMESCALE = 1000  # units a second; a frame takes one second
MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)  # no rotation, no scaling


class PreparedClips:
    """One clip for each length and size, made at its first use."""

    def __init__(self) -> None:
        self._made: Dict[Tuple[int, Tuple[int, int]], Tuple[bytes, bytes]] = {}

    def copy(self, row: Row, mp4: Path, thumbnail: Path, _is_cancelled: Callable[[], bool]) -> None:
        """Write the clip of a video, and its thumbnail."""
        seconds, size = int(row["duration"]), SMALL
        if row.get("size"):
            size = (int(row["size"][0]), int(row["size"][1]))
        if (seconds, size) not in self._made:
            self._made[seconds, size] = (make_mp4(size, seconds), make_jpeg(size))
        for path, content in zip((mp4, thumbnail), self._made[seconds, size]):
            path.write_bytes(content)


def make_jpeg(size: Tuple[int, int]) -> bytes:
    """Return a grey baseline JPEG: each block of 8 x 8 pixels is two bits, no change of brightness and no detail."""
    width, height = size
    bits = 2 * -(-width // 8) * -(-height // 8)
    scan = ((1 << -bits % 8) - 1).to_bytes(-(-bits // 8), "big")  # zeros, and ones up to the next byte
    one_code = bytes([1, *[0] * 15, 0])  # a Huffman table with one code of one bit, for the value 0
    segments = (
        (0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
        (0xDB, b"\0" + b"\1" * 64),  # quantisation
        (0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0"),  # one component of 8 bits
        (0xC4, b"\0" + one_code),  # brightness
        (0xC4, b"\x10" + one_code),  # detail
        (0xDA, b"\1\1\0\0\x3f\0"),
    )
    head = b"".join(struct.pack(">BBH", 0xFF, kind, len(body) + 2) + body for kind, body in segments)
    return b"\xff\xd8" + head + scan + b"\xff\xd9"


def make_mp4(size: Tuple[int, int], seconds: int) -> bytes:
    """Return a grey MP4 with one frame a second, and with the index at the front (ISO/IEC 14496-12)."""
    pair = [encode_grey(*size, number) for number in range(2)]
    samples = [struct.pack(">I", len(frame)) + frame for frame in (pair * seconds)[:seconds]]
    kind = _box("ftyp", b"isom" + struct.pack(">I", 512) + b"isomiso2avc1mp41")
    begin = len(kind) + len(_make_index(size, samples, 0)) + 8
    return kind + _make_index(size, samples, begin) + _box("mdat", *samples)


def _make_index(size: Tuple[int, int], samples: List[bytes], begin: int) -> bytes:
    """Return the `moov` box; `begin` is the place of the first sample in the file."""
    length = len(samples) * TIMESCALE
    movie = struct.pack(">IIIIIIH10x", 0, 0, 0, TIMESCALE, length, 0x10000, 0x100) + MATRIX + bytes(24)
    track = struct.pack(">IIIIII8xHHHH", 3, 0, 0, 1, 0, length, 0, 0, 0, 0) + MATRIX
    media = struct.pack(">IIIIIHH", 0, 0, 0, TIMESCALE, length, 0x55C4, 0)  # the language "und"
    return _box(
        "moov",
        _box("mvhd", movie + struct.pack(">I", 2)),
        _box(
            "trak",
            _box("tkhd", track + struct.pack(">II", size[0] << 16, size[1] << 16)),
            _box(
                "mdia",
                _box("mdhd", media),
                _box("hdlr", struct.pack(">II4s12x", 0, 0, b"vide") + b"VideoHandler\0"),
                _box("minf", _box("vmhd", struct.pack(">IHHHH", 1, 0, 0, 0, 0)), _box("dinf", _make_reference()),
                     _make_sample_table(size, samples, begin)),
            ),
        ),
    )  # fmt: skip


def _make_reference() -> bytes:
    """Return the box that says that the samples are in this file."""
    return _box("dref", struct.pack(">II", 0, 1), _box("url ", struct.pack(">I", 1)))


def _make_sample_table(size: Tuple[int, int], samples: List[bytes], begin: int) -> bytes:
    """Return the box with the format of the samples, their times, sizes and place: all are in one chunk."""
    count = len(samples)
    sizes = struct.pack(f">III{count}I", 0, 0, count, *map(len, samples))
    return _box(
        "stbl",
        _box("stsd", struct.pack(">II", 0, 1), _make_format(size)),
        _box("stts", struct.pack(">IIII", 0, 1, count, TIMESCALE)),
        _box("stsc", struct.pack(">IIIII", 0, 1, 1, count, 1)),
        _box("stsz", sizes),
        _box("stco", struct.pack(">III", 0, 1, begin)),
    )


def _make_format(size: Tuple[int, int]) -> bytes:
    sequence, picture = make_parameter_sets(*size)
    config = b"\1" + PROFILE + LEVEL + b"\xff\xe1" + struct.pack(">H", len(sequence)) + sequence
    config += b"\1" + struct.pack(">H", len(picture)) + picture
    shape = struct.pack(">6xH16xHHIIIH32xHH", 1, *size, 0x480000, 0x480000, 0, 1, 24, 0xFFFF)
    return _box("avc1", shape, _box("avcC", config))


def _box(name: str, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, name.encode()) + body

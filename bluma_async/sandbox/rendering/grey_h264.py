"""
Encode a grey picture of any size as H.264, without a codec: constrained baseline, CAVLC, ITU-T H.264.

Every macroblock is predicted from its neighbours (Intra 16x16, DC) and has no residual. The first one has no
neighbours, which means 128, so all of the picture is mid-grey, and a macroblock takes one byte.
"""

from __future__ import annotations

from typing import Tuple

__all__ = ["LEVEL", "PROFILE", "encode_grey", "make_parameter_sets"]

PROFILE = b"\x42\xc0"  # profile_idc 66, with the flags of the constrained baseline profile
LEVEL = b"\x28"  # 4.0: up to 8192 macroblocks, such as 1920 x 1088
SPS_HEADER, PPS_HEADER, IDR_HEADER = b"\x67", b"\x68", b"\x65"
BLOCK = 16  # pixels
MACROBLOCK = "00100" + "1" + "1" + "1"  # mb_type I_16x16_2_0_0, chroma mode DC, no change of QP, no coefficients


def make_parameter_sets(width: int, height: int) -> Tuple[bytes, bytes]:
    """Return the sequence and the picture parameter set for pictures of an even width and height."""
    across, down = _count_blocks(width), _count_blocks(height)
    right, bottom = (across * BLOCK - width) // 2, (down * BLOCK - height) // 2
    crop = "1" + "1" + _ue(right) + "1" + _ue(bottom) if right or bottom else "0"
    size = _ue(across - 1) + _ue(down - 1)
    # Its id, frame numbers of 4 bits, pictures in the order of their output, one reference, no gaps; then the size,
    # whole frames, direct_8x8_inference, the cropping, no VUI.
    sequence = _ue(0) + _ue(0) + _ue(2) + _ue(1) + "0" + size + "1" + "1" + crop + "0"
    # Two ids, CAVLC, one slice group, one reference in each list, no weights, three QPs of 0, no further options.
    picture = _ue(0) + _ue(0) + "00" + _ue(0) * 3 + "000" + _ue(0) * 3 + "000"
    return (SPS_HEADER + PROFILE + LEVEL + _to_bytes(sequence), PPS_HEADER + _to_bytes(picture))


def encode_grey(width: int, height: int, number: int) -> bytes:
    """Return the picture with this number as one IDR slice; pictures in a row differ in `idr_pic_id`."""
    count = _count_blocks(width) * _count_blocks(height)
    # The first macroblock, only I slices, the parameter set, frame number 0, idr_pic_id, two flags, no change of QP.
    header = _ue(0) + _ue(7) + _ue(0) + "0000" + _ue(number % 2) + "00" + _ue(0)
    return IDR_HEADER + _to_bytes(header + MACROBLOCK * count)


def _count_blocks(pixels: int) -> int:
    return -(-pixels // BLOCK)


def _ue(value: int) -> str:
    """Return the bits of an unsigned Exp-Golomb code; the signed code of 0 is the same as the unsigned."""
    bits = f"{value + 1:b}"
    return "0" * (len(bits) - 1) + bits


def _to_bytes(bits: str) -> bytes:
    """Return bits as an RBSP: with the stop bit, and escaped where three bytes would look like a start code."""
    ended = bits + "1"
    padded = ended + "0" * (-len(ended) % 8)
    raw = int(padded, 2).to_bytes(len(padded) // 8, "big")
    escaped = bytearray()
    for byte in raw:
        if byte <= 3 and escaped.endswith(b"\0\0"):
            escaped.append(3)
        escaped.append(byte)
    return bytes(escaped)

"""Prepare an image argument: a URL stays a URL; bytes and base64 become a data URI."""

from __future__ import annotations

import base64
import binascii

from bluma_async._wire.checks import invalid, require_link

__all__ = ["encode_image"]

MAX_IMAGE_BYTES = 20 * 2**20  # after base64 decoding
SIGNATURES = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif", b"RIFF": "webp"}


def encode_image(name: str, value: object, *, takes_data: bool) -> str:
    """
    Return an image as a URL or as a data URI.

    Args:
        name: The argument's name.
        value: A URL, bytes, base64, or a data URI.
        takes_data: Whether the provider accepts anything but URLs.

    Raises:
        InvalidArgumentError: The value is no image, is too large, or is data that the provider does not accept.
    """
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        return require_link(name, value)
    if not takes_data:
        raise invalid(name, f"{name} must be an http:// or https:// URL; this provider takes no image data.")
    raw = value if isinstance(value, bytes) else _decode_base64(name, value)
    if len(raw) > MAX_IMAGE_BYTES:
        raise invalid(name, f"{name} has {len(raw)} bytes; it may have {MAX_IMAGE_BYTES}.")
    if isinstance(value, str) and value.startswith("data:"):
        return value  # it names its own type, which may be one that is not in SIGNATURES
    kind = next((kind for signature, kind in SIGNATURES.items() if raw.startswith(signature)), None)
    if kind is None:
        raise invalid(name, f"{name} is no PNG, JPEG, GIF or WebP image.")
    return f"data:image/{kind};base64,{base64.b64encode(raw).decode()}"


def _decode_base64(name: str, value: object) -> bytes:
    encoded = value.rpartition("base64,")[2] if isinstance(value, str) else ""
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not raw:
        raise invalid(name, f"{name} must be a URL, bytes, or base64 of an image.")
    return raw

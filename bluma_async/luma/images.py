"""What is refused, or warned of, before anything is sent."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bluma_async._wire.checks import invalid

if TYPE_CHECKING:
    from bluma_async.luma.adapter import Adapter

__all__ = ["require_image", "require_link", "warn_of_language", "warn_of_ratio"]

RATIO = re.compile(r"\d+:\d+")
LARGEST_IMAGE = 20 * 2**20  # bytes, decoded
MAGIC = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif", b"RIFF": "webp"}


def require_link(name: str, value: object, *, public: bool = False) -> str:
    """
    Return a link.

    Raises:
        InvalidArgumentError: It is no http(s) URL, or one that only this machine or network could reach.
    """
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        is_link = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_link, parts = False, urlsplit("")
    if not is_link:
        raise invalid(name, f"{name} must be an http:// or https:// URL, not {value!r}.")
    if public and _is_private(parts.hostname or ""):
        raise invalid(name, f"{name} must be reachable by the provider, and {parts.hostname} is not.")
    return str(value)


def require_image(name: str, value: object, *, takes_data: bool) -> str:
    """
    Return an image as a link, or as a data URI: bytes and base64 are wrapped into one.

    Raises:
        InvalidArgumentError: It is neither, it is too large, or the provider takes links alone.
    """
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        return require_link(name, value)
    if not takes_data:
        raise invalid(name, f"{name} must be an http:// or https:// URL; this provider takes no image data.")
    raw = value if isinstance(value, bytes) else _decoded(name, value)
    if len(raw) > LARGEST_IMAGE:
        raise invalid(name, f"{name} has {len(raw)} bytes; it may have {LARGEST_IMAGE}.")
    kind = next((kind for begin, kind in MAGIC.items() if raw.startswith(begin)), None)
    if isinstance(value, str) and value.startswith("data:"):
        return value
    if kind is None:
        raise invalid(name, f"{name} is no PNG, JPEG, GIF or WebP image.")
    return f"data:image/{kind};base64,{base64.b64encode(raw).decode()}"


def warn_of_ratio(adapter: Adapter, value: object) -> None:
    """
    Warn of an aspect ratio that a provider is not known to take.

    Raises:
        InvalidArgumentError: It is none at all.
    """
    if not isinstance(value, str) or not RATIO.fullmatch(value):
        raise invalid("aspect_ratio", f"aspect_ratio must be text such as '16:9', not {value!r}.")
    known = adapter.capabilities.aspect_ratios
    if known and value not in known:
        warnings.warn(f"{adapter.name} is not known to take {value}; it takes {', '.join(known)}.", stacklevel=5)


def warn_of_language(adapter: Adapter, prompt: str) -> None:
    """Warn of a prompt that is mostly in another script than Latin."""
    letters = [letter for letter in prompt if letter.isalpha()]
    if sum(letter.isascii() for letter in letters) * 2 < len(letters):
        warnings.warn(f"{adapter.name} takes prompts in English alone.", stacklevel=5)


def _decoded(name: str, value: Any) -> bytes:
    encoded = value.rpartition("base64,")[2] if isinstance(value, str) else ""
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not raw:
        raise invalid(name, f"{name} must be a URL, bytes, or base64 of an image.")
    return raw


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host

"""
Argument checks of the options that say where requests and files go, and of secrets: URLs, headers, keys and paths.

Rule: as in `checks`, an invalid value is refused before any request. The errors show no secret.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Mapping, Tuple, TypeVar, Union, cast
from urllib.parse import urlsplit

from bluma_async._wire.checks import invalid

__all__ = [
    "is_http_url",
    "is_plain_location",
    "is_url",
    "require_header_text",
    "require_headers",
    "require_http_url",
    "require_path",
    "require_secret",
    "resolve_place",
    "show_location",
]

T = TypeVar("T")
FILE = "file://"
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
UNSENDABLE = frozenset("\r\n\0")  # a header with one of these could inject another header


def require_http_url(name: str, value: object) -> None:
    """
    Require an http(s) URL with a host, and without user name, query or fragment.

    Raises:
        InvalidArgumentError: The value is not such a URL. A password in it does not appear in the error.
    """
    if not is_http_url(value):
        shown = re.sub(r"//[^/@]*@", "//***@", value) if isinstance(value, str) else value
        wanted = "an http:// or https:// URL with a host, and without user, query or fragment"
        raise invalid(name, f"{name} must be {wanted}, not {shown!r}.")


def require_headers(name: str, value: Mapping[object, object]) -> None:
    """
    Require header names and values that can be sent. The error shows the name only: values can be secrets.

    Raises:
        InvalidArgumentError: A name or value is not a string, a name is empty, or one cannot be sent.
    """
    for key, text in value.items():
        if not isinstance(key, str) or not isinstance(text, str) or not key or not _is_sendable(key + text):
            raise invalid(name, f"{name} must be header names and values as text without line breaks, not {key!r}.")


def require_header_text(name: str, value: object) -> None:
    """
    Require text that can be part of a header. The error does not show the value: it is a secret.

    Raises:
        InvalidArgumentError: The value is not printable ASCII, or has spaces.
    """
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        raise invalid(name, f"{name} must be printable ASCII text without spaces; check how it was copied.")


def require_secret(name: str, value: object) -> None:
    """
    Require text that is not blank and can be encoded, or None. The error does not show the value.

    Raises:
        InvalidArgumentError: The value is something else.
    """
    if value is not None and (not isinstance(value, str) or not value.strip() or not _is_encodable(value)):
        found = "blank or broken text" if isinstance(value, str) else type(value).__name__
        raise invalid(name, f"{name} must be non-empty text or None, not {found}.")


def require_path(name: str, value: object) -> Path:
    """
    Return the path of a file or folder.

    Raises:
        InvalidArgumentError: The value is not a path, or no file can have it.
    """
    try:
        path = Path(cast("str", value))
        if b"\0" not in os.fsencode(path):
            return path
    except (TypeError, ValueError):
        pass
    raise invalid(name, f"{name} must be a path as text or a Path, not {value!r}.")


def is_url(place: object) -> bool:
    """Return whether a place to save to is a URL, and no path. A drive of Windows has one letter."""
    return isinstance(place, str) and URL.match(place) is not None


def is_plain_location(rest: str) -> bool:
    """Return whether the part of a URL behind its scheme is a name and a path that stand for themselves."""
    parts = rest.partition("/")[2].split("/")
    is_clean = rest.isprintable() and not {"?", "#", "@", "\\", "%"}.intersection(rest)
    return is_clean and not {".", ".."}.intersection(parts) and "" not in parts[:-1]


def show_location(url: str) -> str:
    """Return a URL for an error. Its query and user can be secrets: `***` shows that they are there."""
    place, mark, _ = url.partition("?")
    return re.sub(r"//[^/@]*@", "//***@", place) + (mark and "?***")


def resolve_place(name: str, place: T) -> Union[T, Path]:
    """
    Return the path of a `file://` URL, and every other place unchanged: files have one set of checks.

    Raises:
        InvalidArgumentError: The URL is not `file:///PATH`, or could be read in two ways.
    """
    if not isinstance(place, str) or not place.lower().startswith(FILE):
        return place
    rest = place[len(FILE) :]
    if not rest.startswith("/") or not is_plain_location(rest):
        raise invalid(
            name, f"{name} must be file:///PATH, without host, query, '..', '//' or '%', not {show_location(place)!r}."
        )
    return Path(rest[1:] if re.match(r"/[A-Za-z]:/", rest) and os.name == "nt" else rest)


def _is_sendable(text: str) -> bool:
    return not UNSENDABLE & set(text) and _is_encodable(text)


def _is_encodable(text: str) -> bool:
    """Return whether text has no half characters (surrogates)."""
    return text == text.encode("utf-8", "replace").decode()


def is_http_url(value: object) -> bool:
    """Return whether a value is an http(s) URL with a host, and without user name, query or fragment."""
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        host, port = _host_and_port(parts.hostname, parts.port)
    except ValueError:
        return False
    # By their characters: `urlsplit` has no difference between an empty query and none, and a path would go behind it.
    is_plain = str(value).isprintable() and not {" ", "?", "#"}.intersection(str(value)) and "@" not in parts.netloc
    return parts.scheme in {"http", "https"} and host and port and is_plain


def _host_and_port(host: str | None, port: int | None) -> Tuple[bool, bool]:
    return bool(host), port != 0

"""
Object stores by their URLs: S3, Google Cloud Storage, Azure, and memory for tests. The only import of obstore.

Rule 1: credentials, regions and endpoints come from the environment, under the names that each store's own tools use.
They are in no URL, so none is in a journal or an error.
Rule 2: an error of a store is an OSError with one line that says why, like an error of a disk.
Rule 3: obstore hangs in a forked child of a process that has used it, so it is refused there.
Rule 4: an object has one URL. Only the characters in UNSAFE, and those that are not printable, are percent-encoded:
URLs are compared as text, and people write them with spaces and letters of every language.
Rule 5: everything here blocks, but for `build_url` and `find_key`.
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import re
from contextlib import contextmanager
from typing import Any, Dict, Generator, Iterator, List, Tuple, cast
from urllib.parse import quote, unquote

import attrs

from bluma_async._wire.checks import invalid
from bluma_async._wire.place_checks import show_location

__all__ = ["ObjectStore", "build_url", "find_key", "open_store"]

REMOTE = ("s3", "gs", "az")
SCHEMES = (*REMOTE, "memory")
ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT", "GOOGLE_BASE_URL")
REQUEST_TIMEOUT = 60  # seconds that one request may take; with 8 MiB, a line of 140 KB/s is fast enough
PART = 2**23  # bytes of a part; S3 allows 10,000 parts, so that a file may have 80 GB
PARTS_AT_ONCE = 2
LONGEST_REASON = 300  # characters
FORKED = "this process was forked from one that has used an object store, and would hang; start it with `spawn`"
UNSAFE = frozenset("%#@?\\")  # percent-encoded in URLs, as all that is not printable; nothing else is
CONTROL = frozenset(map(chr, [*range(32), 127]))
XML = re.compile(r"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>", re.DOTALL)
_USERS: List[int] = []  # the process that has used obstore
_MEMORY: Dict[str, Any] = {}  # the stores of `memory://NAME`, which live as long as the process


@attrs.frozen
class ObjectStore:
    """
    One bucket, opened.

    Attributes:
        root: Its URL, such as `s3://bucket`.
        scheme: The kind of store.
        native: The store of obstore.
    """

    root: str
    scheme: str
    native: Any = attrs.field(repr=False, eq=False)

    def find_size(self, key: str) -> int | None:
        """Return the size of an object in bytes; None if there is none."""
        import obstore  # noqa: PLC0415 - an extra, which few programs need

        with _explained(self.root):
            try:
                return int(obstore.head(self.native, key)["size"])
            except FileNotFoundError:
                return None

    def list_sizes(self, prefix: str) -> Dict[str, int]:
        """Return the sizes of all objects below a prefix, by their keys."""
        import obstore  # noqa: PLC0415 - an extra, which few programs need

        with _explained(self.root):
            pages: Any = cast("Any", obstore).list(self.native, prefix or None)
            return {str(found["path"]): int(found["size"]) for page in pages for found in page}

    def put(self, key: str, pieces: Iterator[bytes]) -> None:
        """Write an object in parts. An exception of the iterator aborts that, and is raised: nothing appears."""
        import obstore  # noqa: PLC0415 - an extra, which few programs need

        attributes: Any = {"attributes": {"Content-Type": "video/mp4"}} if self.scheme in REMOTE else {}
        with _explained(f"{self.root}/{key}"):
            obstore.put(self.native, key, pieces, chunk_size=PART, max_concurrency=PARTS_AT_ONCE, **attributes)

    def delete(self, key: str) -> None:
        """Delete an object."""
        import obstore  # noqa: PLC0415 - an extra, which few programs need

        with _explained(f"{self.root}/{key}"):
            obstore.delete(self.native, key)


def build_url(root: str, key: str) -> str:
    """Return the only URL of an object, which `open_store` takes; with an empty key that of its store."""
    return f"{root}/{_escape(key)}".rstrip("/")


def find_key(root: str, url: str | None) -> str | None:
    """Return the key of the object at a URL, or None if it is in another store."""
    return unquote(url[len(root) + 1 :]) if url is not None and url.startswith(f"{root}/") else None


def open_store(name: str, url: str) -> Tuple[ObjectStore, str]:
    """
    Return the store of a URL, and the key in it; the key may be empty. Nothing is sent.

    Args:
        name: The argument that has the URL, for errors.
        url: `s3://BUCKET/KEY`, `gs://BUCKET/KEY`, `az://CONTAINER/KEY`, or `memory://NAME/KEY`, with "#" and the
            like in the key as `%23`.

    Raises:
        InvalidArgumentError: The URL is invalid, the store is not configured, or obstore is not installed.
    """
    scheme, bucket, key = _parse(name, url)
    if _is_forked():
        raise invalid(name, f"{url!r} cannot be used: {FORKED}.")
    root = f"{scheme}://{bucket}"
    try:
        import obstore.store as stores  # noqa: PLC0415 - an extra, which few programs need
    except ImportError:
        needs = f'{url!r} needs obstore: pip install "bluma[cloud]" (Python 3.9 or later).'
        raise invalid(name, needs) from None
    if scheme == "memory":
        return ObjectStore(root, scheme, _MEMORY.setdefault(bucket, stores.MemoryStore())), key
    try:
        with _explained(root):
            return ObjectStore(root, scheme, cast("Any", stores).from_url(root, **_settings())), key
    except OSError as problem:
        raise invalid(name, f"{url!r} cannot be used: {problem.strerror}.") from problem


def _parse(name: str, url: str) -> Tuple[str, str, str]:
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    bucket, _, escaped = rest.partition("/")
    if scheme not in SCHEMES:
        known = ", ".join(f"{known}://" for known in (*SCHEMES, "file"))
        raise invalid(name, f"{name} must be a path, or a URL that begins with {known}; not {scheme}://.")
    key = unquote(escaped)
    parts = key.split("/")
    is_clean = (_escape(bucket), _escape(key)) == (bucket, escaped) and not CONTROL.intersection(key)
    if not bucket or not is_clean or {".", ".."}.intersection(parts) or "" in parts[:-1]:
        wanted = f"{scheme}://BUCKET/PATH, without user, query, '..' or '//', and with '%' only as in %23 for '#'"
        raise invalid(name, f"{name} must be {wanted}, not {show_location(url)!r}.")
    return scheme, bucket, key.rstrip("/")


def _escape(key: str) -> str:
    return "".join(char if char.isprintable() and char not in UNSAFE else quote(char, safe="") for char in key)


def _settings() -> Dict[str, Any]:
    """Return the bounds of requests. A plain-text endpoint is used if the environment names one."""
    is_plain = any(os.environ.get(name, "").startswith("http://") for name in ENDPOINTS)
    span = dt.timedelta(seconds=REQUEST_TIMEOUT)
    return {
        "client_options": {"timeout": span, "connect_timeout": dt.timedelta(seconds=10), "allow_http": is_plain},
        "retry_config": {"max_retries": 4, "retry_timeout": span},
    }


@contextmanager
def _explained(name: str) -> Generator[None, None, None]:
    """Turn an error of a store into an OSError with one line."""
    from obstore.exceptions import BaseError  # noqa: PLC0415 - an extra, which few programs need

    if _is_forked():
        raise OSError(errno.EIO, FORKED, name)
    _USERS[:] = [os.getpid()]
    try:
        yield
    except (BaseError, OSError) as problem:
        raise OSError(errno.EIO, _find_reason(problem), name) from problem


def _is_forked() -> bool:
    return bool(_USERS) and _USERS[0] != os.getpid()


def _find_reason(problem: Exception) -> str:
    text = str(problem).partition("\n\nDebug source")[0]
    code = XML.search(text)
    text = text.partition(": <")[0]
    if code is not None:
        text = f"{text}: {code[1]}: {code[2]}"
    return " ".join(text.split())[:LONGEST_REASON].rstrip(". ")

"""
Files and the links to them: public CDN links, signed links that expire, and links for uploads by PUT.

A place is `videos/ID.mp4`, `thumbnails/ID.jpg` or `assets/ID`. The pattern admits no `..`, so that no link leads to a
file outside of the folder.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Tuple

from bluma_async.sandbox.own_folder import OwnFolder
from bluma_async.sandbox.threads import in_thread

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    from bluma_async.sandbox.clock import Clock

__all__ = ["Files", "make_folder"]

PLACE = re.compile(r"(?:videos|thumbnails|assets)/[A-Za-z0-9_-]+(?:\.[A-Za-z0-9]{1,8})?")
LINK_LIFE = 3600.0


class Files:
    """The folder of files, and the signatures of links."""

    def __init__(self, folder: Path, secret: bytes, clock: Clock) -> None:
        self.folder = folder
        self.origin = ""
        self._secret = secret
        self._clock = clock

    def open(self) -> None:
        """Create the folders, for the user alone. Blocks: call it in a thread."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # also a folder of an earlier version
        for name in ("videos", "thumbnails", "assets"):
            (self.folder / name).mkdir(exist_ok=True)

    def find_path(self, place: str) -> Path | None:
        """Return the path of a place; None if the text is not a place."""
        return self.folder / place if PLACE.fullmatch(place) else None

    def public_url(self, place: str) -> str:
        """Return the public link, which never expires."""
        return f"{self.origin}/cdn/{place}"

    def signed_url(self, place: str, life: float = LINK_LIFE) -> Tuple[str, float]:
        """Return a link that works for `life` seconds, and the timestamp at which it expires."""
        until = self._clock.time() + life
        return f"{self.public_url(place)}?expires={int(until)}&signed={self._sign('GET', place, int(until))}", until

    def upload_url(self, place: str, life: float = LINK_LIFE) -> Tuple[str, float]:
        """Return a link that accepts a PUT of the file, and the timestamp at which it expires."""
        until = self._clock.time() + life
        return f"{self.origin}/uploads/{place}?expires={int(until)}&sig={self._sign('PUT', place, int(until))}", until

    def check_link(self, method: str, place: str, expires: str, signature: str) -> str | None:
        """Return the error code for a signed link that is invalid; None for a valid one."""
        if not expires.isdigit() or len(expires) > 15 or not expires.isascii():
            return "AccessDenied"
        given = signature.encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._sign(method, place, int(expires)).encode()):
            return "SignatureDoesNotMatch"
        return "RequestHasExpired" if self._clock.time() >= int(expires) else None

    def _sign(self, method: str, place: str, until: int) -> str:
        return hmac.new(self._secret, f"{method}\n{place}\n{until}".encode(), hashlib.sha256).hexdigest()


def make_folder(data: Path | None, opened: AsyncExitStack) -> Path:
    """Return the folder for the files below `data`; without it, a temporary one that `opened` deletes. Blocks."""
    if data is not None:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)  # an existing one is left as it is
        return data / "files"
    folder = OwnFolder("bluma-sandbox-")
    opened.push_async_callback(in_thread, folder.remove)
    return folder.path

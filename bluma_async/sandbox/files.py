"""
Files, and the links to them: plain ones as a CDN has them, signed ones that expire, and ones to PUT to.

A place is `videos/ID.mp4`, `thumbnails/ID.jpg` or `assets/ID`; nothing outside the folder can be named.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Tuple

if TYPE_CHECKING:
    from pathlib import Path

    from bluma_async.sandbox.clock import Clock

__all__ = ["Files"]

PLACE = re.compile(r"(?:videos|thumbnails|assets)/[A-Za-z0-9_-]+(?:\.[A-Za-z0-9]{1,8})?")
LINK_LIFE = 3600.0


class Files:
    """A folder, and signatures."""

    def __init__(self, folder: Path, secret: bytes, clock: Clock) -> None:
        self.folder = folder
        self.origin = ""
        self._secret = secret
        self._clock = clock

    def open(self) -> None:
        """Make the folders. Blocks: run it off the loop."""
        for name in ("videos", "thumbnails", "assets"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def path_of(self, place: str) -> Path | None:
        """Return where a place is on disk; None for what is no place."""
        return self.folder / place if PLACE.fullmatch(place) else None

    def public_url(self, place: str) -> str:
        """Return the plain link, as a CDN has it."""
        return f"{self.origin}/cdn/{place}"

    def signed_url(self, place: str, life: float = LINK_LIFE) -> Tuple[str, float]:
        """Return a link that works for so many seconds, and until when."""
        until = self._clock.time() + life
        return f"{self.public_url(place)}?expires={int(until)}&signed={self._sign('GET', place, int(until))}", until

    def upload_url(self, place: str, life: float = LINK_LIFE) -> Tuple[str, float]:
        """Return a link to PUT a file to, and until when."""
        until = self._clock.time() + life
        return f"{self.origin}/uploads/{place}?expires={int(until)}&sig={self._sign('PUT', place, int(until))}", until

    def complaint(self, method: str, place: str, expires: str, signature: str) -> str | None:
        """Return what is wrong with a signed link, if anything is."""
        if not expires.isdigit() or len(expires) > 15 or not expires.isascii():
            return "AccessDenied"
        given = signature.encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._sign(method, place, int(expires)).encode()):
            return "SignatureDoesNotMatch"
        return "RequestHasExpired" if self._clock.time() >= int(expires) else None

    def _sign(self, method: str, place: str, until: int) -> str:
        return hmac.new(self._secret, f"{method}\n{place}\n{until}".encode(), hashlib.sha256).hexdigest()

"""
Send a file to a signed link.

Rule 1: the file is never in memory as a whole, and the disk never blocks the event loop.
Rule 2: a PUT may be repeated: what broke off, or got a 5xx, is sent again from its first byte.
Rule 3: what the user's callback raises comes out as it is, and is not taken for a broken connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncIterator, BinaryIO, Callable

from bluma_async._runtime.callbacks import call_back
from bluma_async._runtime.threads import in_thread
from bluma_async._session.retrying import another_attempt
from bluma_async._wire.answers import decode_error
from bluma_async._wire.messages import Request
from bluma_async.errors import APIError, NetworkError

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async._wire.messages import Part

__all__ = ["put_file"]

OnBytes = Callable[[int, int], Any]
PIECE = 2**18
SLOWEST = 2**16  # bytes a second that an upload may be slow: its timeout grows with its size


async def put_file(session: Session, link: str, part: Part, on_progress: OnBytes | None) -> None:
    """
    Send a file to a signed link, as often as it takes.

    Args:
        session: What to send with.
        link: Where to.
        part: What.
        on_progress: Called with the bytes sent and the bytes there are.

    Raises:
        APIError: The link's host refused it.
        NetworkError: The connection broke too often.
    """
    attempt = 0
    while True:
        sending = _Sending(part, on_progress)
        try:
            await sending.put(session, link)
        except (APIError, NetworkError) as failure:
            if sending.raised is not None:
                raise sending.raised from None
            attempt = await another_attempt(session.options, session.shared.clock, failure, attempt)
        else:
            return


class _Sending:
    """One attempt; `raised` is what the callback raised, if it did."""

    def __init__(self, part: Part, on_progress: OnBytes | None) -> None:
        self._part = part
        self._on_progress = on_progress
        self._file: BinaryIO | None = None
        self._told = 0
        self.raised: Exception | None = None

    async def put(self, session: Session, link: str) -> None:
        """Send it, and see that it was taken."""
        headers = {"User-Agent": session.user_agent, "Content-Length": str(self._part.size)}
        timeout = session.options.timeout + self._part.size / SLOWEST
        try:  # not in the generator: who reads it stops at the last byte, and leaves it there
            await in_thread(self._open)
            request = Request("PUT", link, headers, pieces=self._pieces())
            answer = await session.shared.reach().send(request, timeout)
        finally:
            await in_thread(self._close)
        if not 200 <= answer.status < 300:
            raise decode_error(answer)
        await self._tell(self._part.size)

    def _open(self) -> None:
        self._file = self._part.open()

    def _read(self) -> bytes:
        return self._file.read(PIECE) if self._file else b""

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()

    async def _pieces(self) -> AsyncIterator[bytes]:
        sent = 0
        while piece := await in_thread(self._read):
            sent += len(piece)
            yield piece
            await self._tell(sent)

    async def _tell(self, sent: int) -> None:
        if self._on_progress is None or sent <= self._told:
            return
        self._told = sent
        try:
            await call_back(self._on_progress, sent, self._part.size)
        except Exception as error:
            self.raised = error
            raise

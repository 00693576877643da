"""
Upload a file to a signed link.

Rule 1: the file is never in memory as a whole, and the disk never blocks the event loop.
Rule 2: a PUT is safe to retry: after a cut or a 5xx, the file is sent again from its first byte.
Rule 3: an attempt ends if the host takes no further piece, or does not answer, for `timeout` and the second that a slow
line needs for a piece; and if the whole file takes longer than `timeout` and a second for each 64 KiB.
Rule 4: the host gets exactly the bytes that were announced. A file that becomes shorter or longer before all of them
were read, or that cannot be read any more, ends the upload: its host would wait for the missing bytes, or store a file
that is cut. A change after that does not matter any more.
Rule 5: an exception that the user's callback raises ends the upload and reaches the caller unchanged.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, AsyncIterator, BinaryIO

import attrs

from bluma_async._runtime.threads import in_thread
from bluma_async._session.retry_loop import Failed
from bluma_async._wire.answers import decode_error
from bluma_async.errors import BlumaError, NetworkError, RequestTimeoutError
from bluma_async.transfer.callbacks import OnBytes, UserCallbacks

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session
    from bluma_async._wire.messages import Answer, Part, Request

__all__ = ["put_file"]

READ = 2**18  # bytes that are read at a time: each read costs a switch to another thread
PIECE = 2**16
SLOWEST = 2**16  # bytes a second: the timeout grows with the size, so that a slow line can send a large file


async def put_file(
    session: Session, link: str, part: Part, on_progress: OnBytes | None, ends: float | None = None
) -> None:
    """
    Upload a file to a signed link, with retries.

    Args:
        session: The session to send with.
        link: The signed link.
        part: The file.
        on_progress: Called with the bytes sent so far and the bytes of the file.
        ends: The time, by the client's clock, after which no retry begins; None for no limit.

    Raises:
        APIError: The host of the link refused the file.
        NetworkError: The connection broke, and no retry is left.
        BlumaError: The file changed while it was sent, or cannot be read. There is no retry.
    """
    in_flight = session.begin_transfer("PUT", link, {"Content-Length": str(part.size)}, ends)
    await session.retry_loop.run(in_flight, lambda call: _Sending(session, part, on_progress).attempt(call))


class _Sending:
    """One upload of a file: its attempts, and the bytes that were reported to `on_progress`."""

    def __init__(self, session: Session, part: Part, on_progress: OnBytes | None) -> None:
        self._session = session
        self._part = part
        self._callbacks = UserCallbacks(on_progress)
        self._file: BinaryIO | None = None
        self._reported = 0
        self._file_problem: BlumaError | None = None
        self._waits_since: float | None = None  # the host has had a piece since then; None: we are not ready ourselves

    async def attempt(self, in_flight: InFlightCall) -> Failed | None:
        """Send the file; return None if the host accepted it."""
        session, clock = self._session, self._session.shared.clock
        request = attrs.evolve(in_flight.request, pieces=self._pieces())
        sent_at = clock.now()
        try:  # the file is opened and closed here: aiohttp stops reading `_pieces` at the last byte and never closes it
            await in_thread(self._open)
            answer = await self._send(request)
        except NetworkError as error:
            self._raise_own()
            return Failed(error)
        finally:
            await in_thread(self._close)
        self._raise_own()
        await session.retry_loop.observer.after_response(request, answer, in_flight.attempts, clock.now() - sent_at)
        if not 200 <= answer.status < 300:
            return Failed(decode_error(answer))
        await self._report(self._part.size)
        return None

    async def _send(self, request: Request) -> Answer:
        """
        Send the file; give up when the host stands still.

        Raises:
            NetworkError: No answer came, or the host took no further piece for too long.
        """
        session, patience = self._session, self._session.options.timeout + PIECE / SLOWEST
        timeout = session.options.timeout + self._part.size / SLOWEST
        self._waits_since = None
        sending = asyncio.ensure_future(session.shared.connections.get().send(request, timeout))
        try:
            while not sending.done():
                now = asyncio.get_running_loop().time()
                left = patience - (now - self._waits_since if self._waits_since is not None else 0.0)
                if left <= 0:
                    raise RequestTimeoutError(
                        f"PUT {request.public_url}: the host took nothing, and answered nothing, for {patience:g} s."
                    )
                await asyncio.wait({sending}, timeout=left)
            return sending.result()
        finally:
            if not sending.done():
                sending.cancel()
                await asyncio.wait({sending})
                _ = sending.cancelled() or sending.exception()

    def _raise_own(self) -> None:
        """Raise what ended the sending on this side; on its way through the transport it became a NetworkError."""
        self._callbacks.raise_again()
        if self._file_problem is not None:
            raise self._file_problem

    def _open(self) -> None:
        try:
            self._file = self._part.open()
        except OSError as error:
            raise self._refuse(f"it cannot be opened: {error}") from error

    def _read(self, left: int) -> bytes:
        """
        Return the next block of the file; empty at its end.

        Args:
            left: The bytes of the file that were not read yet.

        Raises:
            BlumaError: The file has another size than it had when the upload began, or cannot be read.
        """
        if self._file is None or (self._part.size and not left):  # an empty file is read once: it may have grown
            return b""
        try:
            block = self._file.read(READ)
            beyond = self._file.read(1) if len(block) == left else b""
        except OSError as error:
            raise self._refuse(f"it cannot be read: {error}") from error
        if beyond or len(block) > left or (left and not block):
            change = "shorter" if left and not block else "longer"
            raise self._refuse(f"it had {self._part.size} bytes, and became {change} while it was sent")
        return block

    def _refuse(self, reason: str) -> BlumaError:
        self._file_problem = BlumaError(
            f"{self._part.file_name!r} was not uploaded: {reason}. Upload it again when nothing changes it any more."
        )
        return self._file_problem

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()

    async def _pieces(self) -> AsyncIterator[bytes]:
        sent, size, loop = 0, self._part.size, asyncio.get_running_loop()
        while block := await in_thread(self._read, size - sent):
            for place in range(0, len(block), PIECE):
                self._waits_since = loop.time()
                yield block[place : place + PIECE]
            sent += len(block)
            if sent < size:  # after the last piece, the host owes its answer
                self._waits_since = None
            await self._report(sent)

    async def _report(self, sent: int) -> None:
        if sent > self._reported:
            self._reported = sent
            await self._callbacks.report(sent, self._part.size)

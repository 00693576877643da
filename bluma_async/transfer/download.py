"""
Download a signed link to a file, across broken connections.

Rule 1: `stages.py` has the stages of a save; `heads.py`, `pace.py` and `checks.py` decide. This module sends, writes,
and enters the stages.
Rule 2: bytes that arrived are kept. The next attempt, or the next program, continues behind them if the file on the
server is still the same version.
Rule 3: an expired link is signed again, once after each attempt that made progress: a large file outlives its links.
Rule 4: the disk never blocks the event loop.
Rule 5: `timeout` bounds the connecting, the head and the body of an error together; `pace.py` bounds the file's body.
Rule 6: an exception that the user's callback raises ends the download and reaches the caller unchanged.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, List, NoReturn, Union

import attrs

from bluma_async._runtime.tasks import within
from bluma_async._session.retry_loop import Failed
from bluma_async._wire.answers import decode_error
from bluma_async._wire.messages import Answer
from bluma_async.errors import APIError, BlumaError, FileContentError, NetworkError, RequestTimeoutError
from bluma_async.transfer.bounds import find_end, within_deadline
from bluma_async.transfer.callbacks import OnBytes, UserCallbacks
from bluma_async.transfer.checks import (
    BEGINNING,
    LARGEST_FILE,
    find_head_problem,
    find_problem,
    find_shortage,
    looks_worthless,
)
from bluma_async.transfer.disk import use_disk
from bluma_async.transfer.heads import Head, Refused, StartOver, Whole, Write, choose_step, read_head
from bluma_async.transfer.pace import Growth, Speed
from bluma_async.transfer.receiving import receive
from bluma_async.transfer.stages import Stage, Stages

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session
    from bluma_async._wire.messages import Download
    from bluma_async.transfer.checks import Verify
    from bluma_async.transfer.places import AnyPlace
    from bluma_async.transfer.remote import RemoteFile

__all__ = ["save_link"]

Outcome = Union[int, Failed]
LARGEST_ERROR = 2**16
EXPIRED = (403, 404, 410)
PLAIN = {"Accept-Encoding": "identity"}  # a compressed body has other byte offsets than the file
TAKE = 'If it is the file nevertheless, take it with verify="none".'


async def save_link(
    session: Session, remote: RemoteFile, place: AnyPlace, *, verify: Verify, on_progress: OnBytes | None
) -> int:
    """
    Download a signed link to a file, and return the file's size.

    Args:
        session: The session to send with.
        remote: The file at the server.
        place: The path to write to, reserved for this call.
        verify: What of the file is compared with its description: see `checks.py`.
        on_progress: Called with the bytes written so far, and the bytes of the file or None.

    Raises:
        APIError: The host of the link refused it.
        FileContentError: The file is not what the API described.
        NetworkError: The connection broke, and no retry is left; or the deadline has passed.
        BlumaError: The file could not be written, for example because the disk is full.
    """
    saving = _Saving(session, remote, place, verify, UserCallbacks(on_progress))
    try:
        return await within_deadline(session, saving.run(), f"The save of {remote.name}", saving.find_remedy)
    except BlumaError as error:
        if saving.saved_size is not None:  # the deadline has passed while the file was renamed
            return saving.saved_size
        error.video_id = error.video_id or remote.id
        raise


class _Saving:
    """One save of one file; `saved_size` is set as soon as the file is at its path."""

    def __init__(
        self, session: Session, remote: RemoteFile, place: AnyPlace, verify: Verify, callbacks: UserCallbacks
    ) -> None:
        self._session = session
        self._remote = remote
        self._place = place
        self._verify: Verify = verify
        self._callbacks = callbacks
        self._stages = Stages()
        self._part = place.open_part(remote.key)
        self._growth = Growth(0)
        self._speed = Speed(session.options.timeout)
        self._expected: int | None = None
        self._is_signed_again = False
        self.saved_size: int | None = None

    async def run(self) -> int:
        """Save the file; return its size."""
        session, ends = self._session, find_end(self._session)
        async with session.shared.transfer_slots.slot():
            session.shared.connections.get()  # refuses, if the client was closed while this waited for its slot
            try:
                await self._disk(self._own)
                self._expected = None if self._verify == "none" else await self._remote.find_size()
                link = await self._remote.sign()
                return await session.retry_loop.run(session.begin_transfer("GET", link, PLAIN, ends), self._attempt)
            finally:
                await self._close()

    def find_remedy(self) -> str:
        """Return how a save that was interrupted goes on."""
        held, is_kept = self._part.held, self._part.is_kept
        can_continue = is_kept and held.size and held.tag
        kept = f"{held.size} bytes are kept. " if can_continue else "Nothing that arrived can be continued. "
        return kept + self._remedy

    @property
    def _remedy(self) -> str:
        return f"{self._remote.name} is not lost; continue with {self._remote.command}"

    async def _disk(self, function: Callable[..., Any], *args: Any) -> Any:
        return await use_disk(str(self._part.path), self._remedy, function, *args)

    def _own(self) -> None:
        self._place.lock()
        self._stages.enter(Stage.OWNED)
        self._part.find()
        self._growth = Growth(self._part.held.size)

    async def _close(self) -> None:
        """Close the files and give up the lock, even if cancelled."""
        if self._stages.now is Stage.SAVED:
            return  # `_complete` has done both
        import anyio  # noqa: PLC0415 - importing the SDK must not load anyio

        with anyio.CancelScope(shield=True):
            await self._disk(self._close_files)

    def _close_files(self) -> None:
        try:
            self._part.close(keep=self._stages.now in {Stage.REFUSED, Stage.RECEIVED, Stage.VERIFIED})
        finally:
            self._place.unlock()

    async def _attempt(self, in_flight: InFlightCall) -> Outcome:
        """Fetch the rest of the file; return its whole size."""
        outcome = await self._fetch(in_flight)
        if self._is_signed_again or not isinstance(outcome, Failed) or outcome.error.status not in EXPIRED:
            return outcome
        self._is_signed_again = True  # no retry: there is no pause, and it is not counted
        in_flight.request = attrs.evolve(in_flight.request, url=await self._remote.sign())
        await self._session.retry_loop.observer.before_request(in_flight.request, in_flight.attempts)
        return await self._fetch(in_flight)

    async def _fetch(self, in_flight: InFlightCall) -> Outcome:
        session, clock, held = self._session, self._session.shared.clock, self._part.held
        rest = {"Range": f"bytes={held.size}-", "If-Range": held.tag} if held.size and held.tag else {}
        request = attrs.evolve(in_flight.request, headers={**in_flight.request.headers, **rest})
        self._stages.enter(Stage.ASKED)
        self._speed = Speed(session.options.timeout)
        stream, sent_at = session.shared.connections.get().stream(request, session.options.timeout), clock.now()
        try:
            async with stream as download:
                elapsed, observer = clock.now() - sent_at, session.retry_loop.observer
                await self._callbacks.run(observer.after_response(request, download, in_flight.attempts, elapsed))
                return await self._store(download, session.options.timeout - elapsed)
        except (APIError, NetworkError) as error:
            self._callbacks.raise_again()
            if self._stages.now is Stage.REFUSED:
                raise
            return self._interrupt(in_flight, error)

    def _interrupt(self, in_flight: InFlightCall, error: BlumaError) -> Failed:
        """Note a failed attempt. After one with progress, the next one is the first again."""
        self._stages.enter(Stage.INTERRUPTED)
        total = self._part.held.total if self._expected is None else self._expected
        if not self._speed.is_slow and self._growth.is_progress(self._part.held.size, total):
            in_flight.attempts, self._is_signed_again = 0, False
        if isinstance(error, APIError) and self._part.held.size:
            error.message = f"{error.message} {self.find_remedy()}"
        if not isinstance(error, NetworkError) or type(error) not in {NetworkError, RequestTimeoutError}:
            return Failed(error)
        explained = type(error)(f"{error} {self.find_remedy()}", request_sent=error.request_sent)
        explained.__cause__ = error.__cause__
        return Failed(explained)

    async def _store(self, download: Download, seconds_left: float) -> int:
        head = read_head(download.status, download.headers)
        step = choose_step(head, self._part.held)
        if isinstance(step, Refused):
            raise decode_error(Answer(download.status, download.headers, await _read_error(download, seconds_left)))
        if isinstance(step, Whole):
            return await self._finish(head)
        if not isinstance(step, Write):
            if isinstance(step, StartOver):
                await self._disk(self._part.discard)
            raise NetworkError(f"{step.reason}.")
        problem = find_head_problem(head, self._expected, self._verify)
        if problem:
            raise FileContentError(f"{self._remote.name} was not saved: {problem}. Nothing was written. {TAKE}")
        await self._receive(download, head, step.begin)
        return await self._finish(head)

    async def _receive(self, download: Download, head: Head, place: int) -> None:
        total = head.total if self._expected is None else self._expected
        limit = LARGEST_FILE if total is None else total

        async def write(batch: List[bytes], has_ended: bool) -> None:
            await self._disk(self._write, head, place, batch, has_ended)
            await self._callbacks.report(self._part.held.size, total)

        if not await receive(download, write, limit - place, self._speed, self._session.shared.clock):
            described = (
                f"and the API described {limit}" if self._expected else "which is the limit without a known size"
            )
            await self._refuse(f"the server sends more than {limit} bytes, {described}", is_worthless=total is None)

    def _write(self, head: Head, place: int, batch: List[bytes], has_ended: bool) -> None:
        if self._stages.now is Stage.ASKED:
            size = place + sum(map(len, batch))
            is_whole = has_ended and find_shortage(size, head, self._expected) is None
            self._part.begin(place, head.tag, head.total, is_whole=is_whole)
            self._stages.enter(Stage.RECEIVING)
        self._part.write(batch)

    async def _finish(self, head: Head) -> int:
        size = self._part.held.size
        shortage = find_shortage(size, head, self._expected)
        if shortage:
            raise NetworkError(f"The download broke off after {shortage}.")
        problem = await self._disk(self._complete, head)
        if problem:
            await self._refuse(problem)
        return size

    def _complete(self, head: Head) -> str | None:
        """Let the file appear at its path, and unlock that; if it is not what the API described, return why."""
        part, size = self._part, self._part.held.size
        self._stages.enter(Stage.RECEIVED)
        part.flush()
        problem = find_problem(part.read, size, head, self._expected, self._verify)
        if problem is None:
            self._stages.enter(Stage.VERIFIED)
            self._place.require_free()
            part.keep()
            self.saved_size = size
            self._stages.enter(Stage.SAVED)
            self._place.unlock()
        return problem

    async def _refuse(self, problem: str, *, is_worthless: bool = False) -> NoReturn:
        if is_worthless or not self._part.is_kept or looks_worthless(await self._disk(self._part.read, 0, BEGINNING)):
            await self._disk(self._part.discard)
        self._stages.enter(Stage.REFUSED)
        is_kept = self._part.held.size > 0
        kept = f"The bytes are in {str(self._part.path)!r}; delete that to fetch them again." if is_kept else ""
        error = FileContentError(f"{self._remote.name} was not saved: {problem}. {kept or 'It was not kept.'} {TAKE}")
        error.part = str(self._part.path) if is_kept else None
        raise error


async def _read_error(download: Download, seconds: float) -> bytes:
    """Return the beginning of an error's body, as much as arrives in this time: the body may be long, or never end."""
    body = bytearray()
    with suppress(TimeoutError):  # the status alone decides what follows; the body only describes it
        await within(seconds, _collect(download, body))
    return bytes(body)


async def _collect(download: Download, body: bytearray) -> None:
    async for piece in download.pieces:
        body += piece
        if len(body) > LARGEST_ERROR:
            break

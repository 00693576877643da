"""Ask the host of a signed link whether it still has the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._session.retry_loop import Failed
from bluma_async._wire.answers import decode_error
from bluma_async._wire.messages import Answer
from bluma_async.errors import APIError, NetworkError
from bluma_async.transfer.bounds import find_end

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session

__all__ = ["has_file"]

ONE_BYTE = {"Range": "bytes=0-0", "Accept-Encoding": "identity"}  # a HEAD is not covered by the signature of a GET
GONE = (404, 410, 416)  # the last one: the file is empty


async def has_file(session: Session, link: str) -> bool:
    """
    Return whether there is a file behind a link. At most its first bytes are read.

    Raises:
        APIError: The host refuses the link, so that it is not known.
        NetworkError: The host cannot be reached.
    """

    async def attempt(in_flight: InFlightCall) -> bool | Failed:
        clock, observer = session.shared.clock, session.retry_loop.observer
        stream = session.shared.connections.get().stream(in_flight.request, session.options.timeout)
        sent_at = clock.now()
        try:
            async with stream as download:
                elapsed = clock.now() - sent_at
                await observer.after_response(in_flight.request, download, in_flight.attempts, elapsed)
                if download.status >= 400 and download.status not in GONE:
                    raise decode_error(Answer(download.status, download.headers, b""))
                return download.status not in GONE
        except (APIError, NetworkError) as error:
            return Failed(error)

    return await session.retry_loop.run(session.begin_transfer("GET", link, ONE_BYTE, find_end(session)), attempt)

"""
Read the body of a request within a time, although a read of a WSGI server blocks until the sender sends.

Rule 1: the reply does not wait for the sender. A thread reads; when the time is over, the server's thread goes on.
Rule 2: the connection of a late sender is closed for reading, where the server shows its socket: that ends the reading
thread, and the server's own clean-up, which waits for it. Other servers' threads end when the sender goes; their number
has a limit.
"""

from __future__ import annotations

import contextlib
import socket
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, List, Mapping, Protocol, Tuple, Union

__all__ = ["LateError", "Readable", "TooManyLateError", "read_in_time"]

CHUNK_SIZE = 2**16
MOST_LATE = 64  # threads that a late sender holds
# Where servers keep the socket of a request, and the attributes by which streams refer to what they wrap.
SOCKETS = ("gunicorn.socket", "werkzeug.socket", "wsgi.input")
WRAPPED = ("rfile", "raw", "_sock")

_late: List[Thread] = []  # a thread that a fork has not copied counts as ended


class Readable(Protocol):
    """A stream with the body of a request."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""
        ...


class LateError(Exception):
    """The body has not arrived in time."""


class TooManyLateError(Exception):
    """Too many bodies are late, so this one is not read."""


def read_in_time(body: Readable, size: int, timeout: float, environ: Mapping[str, Any]) -> bytes:
    """
    Return `size` bytes, or fewer if the stream ends before.

    Raises:
        LateError: They have not arrived within `timeout` seconds.
        TooManyLateError: Too many bodies are late already.
        OSError: The connection has failed.
    """
    for thread in [thread for thread in list(_late) if not thread.is_alive()]:
        with contextlib.suppress(ValueError):  # another thread has removed it
            _late.remove(thread)
    if len(_late) >= MOST_LATE:
        raise TooManyLateError
    outcomes: SimpleQueue[Tuple[bytes, Union[Exception, None]]] = SimpleQueue()
    thread = Thread(target=_read, args=(body, size, outcomes), name="bluma-webhook-body", daemon=True)
    thread.start()
    try:
        content, error = outcomes.get(timeout=timeout)
    except Empty:
        _late.append(thread)
        _stop_reading(environ)
        raise LateError from None
    if error is not None:
        raise error
    return content


def _read(body: Readable, size: int, outcomes: SimpleQueue[Tuple[bytes, Union[Exception, None]]]) -> None:
    content = bytearray()
    try:
        while len(content) < size and (chunk := body.read(min(CHUNK_SIZE, size - len(content)))):
            content += chunk
    except Exception as error:  # noqa: BLE001 - it is raised in the thread that waits
        outcomes.put((b"", error))
    else:
        outcomes.put((bytes(content), None))


def _stop_reading(environ: Mapping[str, Any]) -> None:
    connection = _find_socket(environ)
    if connection is not None:
        with contextlib.suppress(OSError):
            # Not the method of a TLS socket, which would send the reply without encryption. TLS takes the end for an
            # error, so such a sender may get no reply; its connection is closed.
            socket.socket.shutdown(connection, socket.SHUT_RD)


def _find_socket(environ: Mapping[str, Any]) -> socket.socket | None:
    for name in SOCKETS:
        found = environ.get(name)
        while found is not None and not isinstance(found, socket.socket):
            found = next((getattr(found, inner) for inner in WRAPPED if hasattr(found, inner)), None)
        if found is not None:
            return found
    return None

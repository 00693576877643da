"""A TCP proxy in front of a server of the tests, that can be cut: connections then hang, and new ones get no answer."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from typing import Dict


class Proxy:
    """Forwards bytes between clients and a port of this machine, in one thread."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._peers: Dict[socket.socket, socket.socket] = {}
        self._is_cut = False
        self._is_closed = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Forward nothing any more."""
        self._is_cut = True

    def restore(self) -> None:
        """Drop the connections that were cut, and forward new ones."""
        for end in list(self._peers):
            self._drop(end)
        self._is_cut = False

    def close(self) -> None:
        """Close everything."""
        self._is_closed = True
        self._thread.join()
        for end in (self._listener, *self._peers):
            end.close()

    def _serve(self) -> None:
        while not self._is_closed:
            if self._is_cut:
                select.select([], [], [], 0.02)
                continue
            ends = [self._listener, *self._peers]
            ready = []
            with suppress(OSError, ValueError):
                ready = select.select(ends, [], [], 0.05)[0]
            for end in ready:
                if end is self._listener:
                    self._accept()
                elif end in self._peers:
                    self._forward(end)

    def _accept(self) -> None:
        client = self._listener.accept()[0]
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        self._peers[client], self._peers[server] = server, client

    def _forward(self, end: socket.socket) -> None:
        data = b""
        with suppress(OSError):
            data = self.change(end, end.recv(2**16))
        if not data:
            return self._drop(end)
        with suppress(OSError, KeyError):
            self._peers[end].sendall(data)
        return None

    def change(self, end: socket.socket, data: bytes) -> bytes:
        """Return the bytes to forward in place of those that were received."""
        return data

    def _drop(self, end: socket.socket) -> None:
        other = self._peers.pop(end, None)
        if other is not None:
            self._peers.pop(other, None)
            other.close()
        end.close()

"""
A server of an account, in a process of its own: creates, renders that take a given time, lists, links and files.

It does almost nothing else, so that the figures show the client's cost and not the server's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import datetime, timezone
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Mapping, Tuple
from urllib.parse import parse_qsl

from benchmarks.responder import serving_process

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

PAGE = 100
FILE = b"\0\0\0\x18ftypmp42" + b"\0" * 4096
JSON, VIDEO = "application/json", "video/mp4"
Reply = Tuple[int, str, bytes]


class Account:
    """The videos of an account. Each is completed `render` seconds after its create."""

    def __init__(self, render: float) -> None:
        self._render = render
        self._ends: Dict[str, float] = {}  # by id, in the order of the creates
        self._templates: Dict[str, str] = {}
        self.port = 0

    def create(self, body: Mapping[str, Any]) -> Any:
        video_id = f"batch_{len(self._ends):08x}"
        self._ends[video_id] = time.monotonic() + self._render
        self._templates[video_id] = body["template_id"]
        return self._view(video_id)

    def read(self, video_id: str) -> Any:
        return self._view(video_id)

    def link(self, video_id: str) -> Any:
        return {"download_url": f"http://127.0.0.1:{self.port}/files/{video_id}.mp4"}

    def page(self, query: Mapping[str, str]) -> Any:
        number = int(query["page"])
        names: Iterable[str] = reversed(self._ends)
        total = len(self._ends)
        if "status" in query:  # the newest ones are those that render
            now = time.monotonic()
            rendering = list(takewhile(lambda name: self._ends[name] > now, names))
            names = rendering if query["status"] == "processing" else []
            total = len(rendering) if query["status"] == "processing" else 0
        shown = islice(names, (number - 1) * PAGE, number * PAGE)
        pages = {"page": number, "total": total, "total_pages": -(-total // PAGE)}
        return {"videos": [self._view(name) for name in shown], "pagination": pages}

    def _view(self, video_id: str) -> Any:
        status = "completed" if self._ends[video_id] <= time.monotonic() else "processing"
        done = {"progress": 100, "size_bytes": len(FILE)} if status == "completed" else {"progress": 50}
        times = {"created_at": _iso(), "completed_at": _iso() if status == "completed" else None}
        return {
            "id": video_id, "status": status, "template_id": self._templates[video_id], "credits_charged": 2,
            **done, **times,
        }  # fmt: skip


def _iso() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def answer(account: Account, method: str, target: str, body: bytes) -> Reply:
    """Return the status, the content type and the body of an answer."""
    path, _, query = target.partition("?")
    parts = path.split("/")[1:]
    if parts[0] == "files":
        return 200, VIDEO, FILE
    routes: Dict[Tuple[str, int], Callable[[], Any]] = {
        ("POST", 3): lambda: account.create(json.loads(body)),
        ("GET", 3): lambda: account.page(dict(parse_qsl(query))),
        ("GET", 4): lambda: account.read(parts[3]) if parts[2] == "videos" else {"id": parts[3], "name": parts[3]},
        ("GET", 5): lambda: account.link(parts[3]),
    }
    return (201 if method == "POST" else 200), JSON, json.dumps(routes[method, len(parts)]()).encode()


class Connection(asyncio.Protocol):
    """One connection: requests with a Content-Length, answered in their order."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while b"\r\n\r\n" in self._pending:
            head, rest = self._pending.split(b"\r\n\r\n", 1)
            lines = head.decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:])
            size = int(headers.get("content-length", "0"))
            if len(rest) < size:
                return
            self._pending = rest[size:]
            method, target, _ = lines[0].split(" ")
            self._transport.write(_render(*answer(self._account, method, target, rest[:size])))


def _render(status: int, kind: str, body: bytes) -> bytes:
    date = datetime.now(timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    head = f"HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\nDate: {date}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + (b'ETag: "1"\r\n' if kind == VIDEO else b"") + b"\r\n" + body


async def serve(render: float) -> None:
    account, loop = Account(render), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(account), "127.0.0.1", 0, backlog=1024)
    account.port = server.sockets[0].getsockname()[1]
    print(account.port, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until the parent closes the pipe, also by its death
    server.close()


def account_server(render: float) -> AbstractContextManager[str]:
    """Run the server; give its base URL."""
    return serving_process("benchmarks.account", str(render))


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))

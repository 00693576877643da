"""Requests to a sandbox, from a test that runs no event loop."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Dict, Iterator, List, Optional
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from bluma_async.sandbox import Sandbox


def call(sandbox: Sandbox, method: str, path: str, body: Any = None, key: Optional[str] = None) -> Any:
    """Return the JSON of an answer, also of an error."""
    headers: Dict[str, str] = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(sandbox.origin + path, data, headers, method=method), timeout=10) as answer:
            return json.load(answer)
    except HTTPError as error:
        with error:
            return json.load(error)


def put_file(link: str, content: bytes) -> None:
    """Send the bytes of an asset to the link for its upload."""
    with urlopen(Request(link, content, method="PUT"), timeout=10):
        pass


def make_video(sandbox: Sandbox, prompt: str = "Why is the sky blue?", **more: Any) -> str:
    """Create a video with the live key, and return its id."""
    body = {"template_id": "ugc-text-overlay", "context": {"prompt": prompt}, **more}
    return str(call(sandbox, "POST", "/api/v1/videos", body, sandbox.live_key)["id"])


def advance(sandbox: Sandbox, seconds: float) -> None:
    """Move the clock, and wait for what follows; `Sandbox.advance` would not wait while Playwright's loop runs."""
    assert "clock" in call(sandbox, "POST", "/_sandbox/clock", {"advance": seconds})


class Endpoint:
    """A webhook endpoint that counts the deliveries, and answers with a status."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.received: List[bytes] = []


@contextmanager
def serve_endpoint() -> Iterator[Endpoint]:
    """Serve an endpoint on loopback."""
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            endpoint.received.append(self.rfile.read(int(self.headers["Content-Length"])))
            answer = b'{"seen": "by the endpoint"}'
            self.send_response(endpoint.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    endpoint.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

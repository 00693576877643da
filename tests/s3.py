"""An S3 server on loopback, and the environment that leads obstore to it."""

from __future__ import annotations

import urllib.request
from typing import Dict, List, Tuple

import attrs
import pytest

__all__ = ["S3", "serve_s3"]

SIGNED = "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x"


@attrs.frozen
class S3:
    """The server, with one bucket that is named `videos`."""

    endpoint: str

    @property
    def environment(self) -> Dict[str, str]:
        """The variables that obstore reads."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "k",
            "AWS_SECRET_ACCESS_KEY": "s3-secret",
            "AWS_REGION": "us-east-1",
        }

    def request(self, method: str, path: str) -> bytes:
        """Send a request, and return the body of its answer."""
        sent = urllib.request.Request(self.endpoint + path, method=method, headers={"Authorization": SIGNED})
        with urllib.request.urlopen(sent, timeout=10) as answer:
            body: bytes = answer.read()
        return body

    def list_keys(self) -> List[str]:
        """Return the keys of all objects."""
        return _find_all(self.request("GET", "/videos?list-type=2").decode(), "Key")

    def list_uploads(self) -> List[str]:
        """Return the keys of uploads that were neither completed nor aborted."""
        return _find_all(self.request("GET", "/videos?uploads").decode(), "Key")


def serve_s3() -> Tuple[S3, object]:
    """Start a server; the second value has a `stop`. Skip the test where the server is not installed."""
    pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")
    server = pytest.importorskip("moto.server", reason="moto is in the extra `test` for Python 3.9 and later")
    running = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    made = S3(f"http://{host}:{port}")
    made.request("PUT", "/videos")
    return made, running


def _find_all(text: str, name: str) -> List[str]:
    return [part.partition(f"</{name}>")[0] for part in text.split(f"<{name}>")[1:]]

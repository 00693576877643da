"""The host of a small file, as a fake transport answers for it, and the folder that it is saved to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List, Optional

from bluma_async.types import Video, VideoStatus
from tests.fakes import answer

WHOLE = bytes(range(256)) * 40
VIDEO = Video(id="a", status=VideoStatus.COMPLETED, size_bytes=len(WHOLE))
SIGNED = answer(200, {"download_url": "https://cdn/v1/x.mp4"})
TAG = '"one"'


def served(body: bytes = WHOLE, status: int = 200, tag: Optional[str] = TAG, **headers: str) -> Any:
    """Return the answer of a file's host."""
    named = {"ETag": tag} if tag else {}
    return answer(status, body, {"Content-Length": str(len(body)), **named, **headers})


def rest(begin: int, tag: str = TAG, total: int = len(WHOLE)) -> Any:
    """Return the answer to a range request."""
    span = f"bytes {begin}-{len(WHOLE) - 1}/{total}"
    return answer(206, WHOLE[begin:], {"ETag": tag, "Content-Range": span})


def cut(after: int, tag: Optional[str] = TAG) -> Any:
    """Return an answer whose body ends before its Content-Length."""
    named = {"ETag": tag} if tag else {}
    return answer(200, WHOLE[:after], {"Content-Length": str(len(WHOLE)), **named})


def names(folder: Path) -> List[str]:
    """Return the names of the files in a folder."""
    return sorted(os.listdir(folder))  # noqa: PTH208 - names, at once


def begin(folder: Path, body: bytes, tag: str = TAG, video_id: str = "a", size: Optional[int] = None) -> None:
    """Leave a download behind, as a program does that was killed."""
    (folder / "x.mp4.part").write_bytes(body)
    (folder / "x.mp4.part.json").write_text(json.dumps({"source": video_id, "etag": tag, "size": size}))


def asked(transport: Any) -> List[Dict[str, str]]:
    """Return the range headers of every request to the file's host."""
    wanted = ("Range", "If-Range")
    sent = [request for request in transport.requests if request.url.startswith("https://cdn")]
    return [{name: request.headers[name] for name in wanted if name in request.headers} for request in sent]

"""
A Flask app that makes videos, with its tests. Run it with `python -m pytest examples/flask_app.py`.

The client is made at the first use, as blocking apps often do.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any, Dict, Tuple

import pytest

flask = pytest.importorskip("flask", reason="Flask is not installed, or has no release for this Python")

from bluma import Bluma, VideoEvent, WebhookReceiver, wsgi_app
from bluma.errors import BlumaError
from bluma.testing import EventPoster, Sandbox

# The app.

app = flask.Flask(__name__)
finished: Dict[str, threading.Event] = {"batch_1": threading.Event()}


@lru_cache(maxsize=1)
def get_client() -> Bluma:
    """Return the client of this process; the key is BLUMA_API_KEY."""
    return Bluma()


@app.post("/videos")
def create_video() -> Tuple[Dict[str, Any], int]:
    """Create a video, wait for it, and return its link; errors of the API become answers of this app."""
    try:
        client = get_client()
        video = client.videos.create({"prompt": flask.request.json["prompt"]}, "ugc-text-overlay")
        return {"url": client.videos.wait_for(video).url}, 201
    except BlumaError as error:
        return {"error": str(error)}, error.status


@lru_cache(maxsize=1)
def get_receiver() -> WebhookReceiver:
    """Return the receiver of this process; the secret is BLUMA_WEBHOOK_SECRET."""
    receiver = WebhookReceiver()

    @receiver.on("video.completed")
    def note_video(event: VideoEvent) -> None:
        finished[event.data.id].set()

    return receiver


app.add_url_rule("/webhooks/bluma", "bluma", lambda: wsgi_app(get_receiver()), methods=["POST"])


# Its tests.


@pytest.fixture(autouse=True)
def forget_client() -> Any:
    """Let each test make the client of its own sandbox."""
    get_client.cache_clear()
    get_receiver.cache_clear()


def test_a_video_is_made(bluma_sandbox: Sandbox, assert_billed: Any) -> None:
    """The wait of minutes takes no time."""
    answer = app.test_client().post("/videos", json={"prompt": "Why is the sky blue?"})

    assert answer.status_code == 201
    assert answer.json["url"].startswith(bluma_sandbox.origin)
    assert_billed(1)


@pytest.mark.bluma_settings(credits=1)
def test_an_empty_account_is_reported(bluma_sandbox: Sandbox, assert_billed: Any) -> None:
    """The error's status is the one that the app answers with."""
    answer = app.test_client().post("/videos", json={"prompt": "Why is the sky blue?"})

    assert answer.status_code == 402
    assert_billed(0)


@pytest.mark.bluma_fault("GET /videos/{id}", "status", status=503, times=2)
def test_an_outage_of_the_polls_is_survived(bluma_sandbox: Sandbox, assert_billed: Any) -> None:
    """The pauses before the retries take no time either."""
    answer = app.test_client().post("/videos", json={"prompt": "Why is the sky blue?"})

    assert answer.status_code == 201
    assert_billed(1)


def test_an_event_is_handled(bluma_sandbox: Sandbox) -> None:
    """The event is signed with the sandbox's secret."""
    reply = EventPoster(app, "/webhooks/bluma").post("video.completed", id="batch_1")

    assert reply.status == 200
    assert finished["batch_1"].wait(5)

"""
A FastAPI app that makes videos, with its tests. Run these with `python -m pytest examples/fastapi_app.py`, and
serve the app with `uvicorn --app-dir examples --factory fastapi_app:make_app`.

The tests have the app's own client talk to a sandbox, and post signed events to its webhook.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Dict

import pytest

fastapi = pytest.importorskip("fastapi", reason="FastAPI is not installed, or has no release for this Python")
testclient = pytest.importorskip("fastapi.testclient", reason="FastAPI's test client needs httpx")

from starlette.responses import StreamingResponse

from bluma import AsyncBluma, VideoEvent, WebhookReceiver, asgi_app
from bluma.errors import AmbiguousCreateError
from bluma.testing import Sandbox, sign_event

# The app.

finished: Dict[str, Any] = {}


def make_app() -> Any:
    """Return the app; the environment has its key, BLUMA_API_KEY, and the secret of its webhook."""
    receiver = WebhookReceiver()

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        async with AsyncBluma() as client:
            app.state.bluma = client
            yield
            await receiver.aclose()

    @receiver.on("video.completed")
    async def note_video(event: VideoEvent) -> None:
        finished[event.data.id] = event.data.url

    app = fastapi.FastAPI(lifespan=lifespan)
    app.mount("/webhooks", asgi_app(receiver))
    app.include_router(router)
    return app


router = fastapi.APIRouter()


@router.post("/videos", status_code=202)
async def create_video(prompt: str, request: fastapi.Request) -> Dict[str, Any]:
    """Create a video; a create without a certain answer is not repeated, because it may have been billed."""
    try:
        video = await request.app.state.bluma.videos.create({"prompt": prompt}, "ugc-text-overlay")
    except AmbiguousCreateError as error:
        raise fastapi.HTTPException(503, f"It may have been created: {error.idempotency_key}") from None
    return {"id": video.id}


@router.get("/videos/{video_id}")
async def show_video(video_id: str, request: fastapi.Request) -> Dict[str, Any]:
    """Wait for a video, and show its link."""
    video = await request.app.state.bluma.videos.wait_for(video_id)
    return {"status": video.status, "url": video.url}


@router.post("/jobs", status_code=202)
async def start_video(prompt: str, request: fastapi.Request) -> Any:
    """Start a video, and return its handle, which any process of this app can pick up."""
    job = await request.app.state.bluma.videos.start({"prompt": prompt}, "ugc-text-overlay")
    return fastapi.Response(job.to_json(), status_code=202, media_type="application/json")


@router.post("/jobs/events")
async def show_states(request: fastapi.Request) -> Any:
    """Send each state of the video of a handle as a server-sent event, until it has ended."""
    job = request.app.state.bluma.videos.job(await request.body())

    async def lines() -> AsyncIterator[str]:
        async for video in job.events():
            yield f"event: {video.status}\ndata: {json.dumps({'progress': video.progress, 'url': video.url})}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


# Its tests.


def test_a_video_is_created_and_shown(bluma_sandbox: Sandbox, assert_billed: Any) -> None:
    """The wait of minutes takes no time."""
    with testclient.TestClient(make_app()) as http:
        created = http.post("/videos", params={"prompt": "Why is the sky blue?"})
        shown = http.get(f"/videos/{created.json()['id']}")

    assert (created.status_code, shown.json()["status"]) == (202, "completed")
    assert_billed(1, credits=2)


@pytest.mark.bluma_fault("POST /videos", "drop_after")
def test_a_lost_answer_is_not_paid_twice(bluma_sandbox: Sandbox, assert_billed: Any) -> None:
    """The sandbox bills the video, and cuts the connection before it answers."""
    with testclient.TestClient(make_app()) as http:
        answer = http.post("/videos", params={"prompt": "Why is the sky blue?"})

    assert answer.status_code == 503
    assert_billed(1)


def test_states_are_sent_as_they_come(bluma_sandbox: Sandbox, assert_billed: Any) -> None:
    """A browser sees the progress of a video without polling; the last event has the link."""
    with testclient.TestClient(make_app()) as http:
        job = http.post("/jobs", params={"prompt": "Why is the sky blue?"})
        states = http.post("/jobs/events", content=job.content)

    events = [line for line in states.text.splitlines() if line.startswith("event: ")]
    assert (events[0], events[-1]) == ("event: queued", "event: completed")
    assert "http" in states.text
    assert_billed(1)


def test_an_event_is_handled(bluma_sandbox: Sandbox) -> None:
    """The lifespan ends after the handlers, so their work is done at the end of the block."""
    signed = sign_event("video.completed", id="batch_1")

    with testclient.TestClient(make_app()) as http:
        answer = http.post("/webhooks/bluma", content=signed.body, headers=signed.headers)
        forged = http.post("/webhooks/bluma", content=signed.body + b" ", headers=signed.headers)

    assert (answer.status_code, forged.status_code) == (200, 401)
    assert "batch_1" in finished

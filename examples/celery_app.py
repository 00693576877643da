"""
Celery tasks that make videos, with their tests. Run it with `python -m pytest examples/celery_app.py`.

The tests run the tasks in their own process, without a broker: the waits of a worker in another process are real.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

celery = pytest.importorskip("celery", reason="Celery is not installed, or has no release for this Python")

from bluma import Bluma
from bluma.errors import AmbiguousCreateError, ServerError
from bluma.testing import Sandbox

# The tasks.

app = celery.Celery("videos", broker="memory://", backend="cache+memory://")
app.conf.task_always_eager = True  # for the tests: tasks run where they are called


@app.task(autoretry_for=(ServerError,), dont_autoretry_for=(AmbiguousCreateError,), max_retries=2, retry_backoff=False)
def make_video(prompt: str, path: str) -> str:
    """Create a video, wait for it, and save it. Celery repeats the task, but not if a video may have been billed."""
    with Bluma(max_retries=0) as client:  # the key is BLUMA_API_KEY; Celery repeats the task
        video = client.videos.create({"prompt": prompt}, "ugc-text-overlay")
        done = client.videos.wait_for(video)
        client.videos.save(done, path)
        return done.id


# Their tests.


def test_a_task_saves_a_video(bluma_sandbox: Sandbox, assert_billed: Any, tmp_path: Path) -> None:
    """The result of the task is the id of the video."""
    video_id = make_video.delay("Why is the sky blue?", str(tmp_path / "sky.mp4")).get()

    assert bluma_sandbox.creates[0]["video_id"] == video_id
    assert (tmp_path / "sky.mp4").stat().st_size > 1000
    assert_billed(1)


@pytest.mark.bluma_fault("POST /videos", "status", status=503)
def test_a_refused_create_is_repeated(bluma_sandbox: Sandbox, assert_billed: Any, tmp_path: Path) -> None:
    """The API has answered that it did not accept the first create."""
    make_video.delay("Why is the sky blue?", str(tmp_path / "sky.mp4")).get()

    assert_billed(1)


@pytest.mark.bluma_fault("POST /videos", "drop_after")
def test_a_lost_create_is_not_repeated(bluma_sandbox: Sandbox, assert_billed: Any, tmp_path: Path) -> None:
    """The task fails, and a person decides; the message names the video that was billed."""
    with pytest.raises(AmbiguousCreateError) as caught:
        make_video.delay("Why is the sky blue?", str(tmp_path / "sky.mp4")).get()

    assert [video.id for video in caught.value.candidates] == [bluma_sandbox.creates[0]["video_id"]]
    assert_billed(1)

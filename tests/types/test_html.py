"""Models are shown in notebooks as tables, with players, and without what gives access to files."""

from __future__ import annotations

from typing import Any, Type

import pytest

from bluma import BatchStatus, Bluma, Generation, Video
from bluma_async import AsyncBluma
from bluma_async.stores.keys import fingerprint_key
from tests.fakes import answer, client_with

DONE = {"id": "batch_1", "status": "completed", "template_id": "ugc-text-overlay", "credits_charged": 2}


def test_a_completed_video_has_a_player() -> None:
    """A public link becomes the source of a player, and its thumbnail the poster."""
    video = Video(url="https://cdn.example/x.mp4", thumbnail_url="https://cdn.example/x.jpg", duration=12, **DONE)

    shown = video._repr_html_()

    assert 'src="https://cdn.example/x.mp4" poster="https://cdn.example/x.jpg"' in shown
    assert ">2</td>" in shown
    assert ">12 s</td>" in shown


def test_a_signed_link_is_shown_on_request_only() -> None:
    """The query of a link is not part of a saved notebook, unless the caller asks for it."""
    video = Video(url="https://cdn.example/x.mp4?sig=secret", thumbnail_url="https://cdn.example/x.jpg?sig=2", **DONE)

    assert "sig=" not in video._repr_html_()
    assert "links=True" in video._repr_html_()
    assert "x.mp4?sig=secret" in video.to_html(links=True)


def test_texts_of_the_server_are_escaped() -> None:
    """Markup in an id, a link or an error is text; a link of another scheme is none."""
    hostile = '<script>alert("x")</script>'
    video = Video(id=hostile, status="failed", error={"detail": hostile}, url='https://x/"><script>')
    other = Video(id="x", status="completed", url="javascript:alert(1)")

    assert "<script" not in video._repr_html_()
    assert "javascript" not in other._repr_html_()


@pytest.mark.parametrize("broken", ["https://[x/v.mp4", "https://x]/v.mp4", "//[", "\x00"])
def test_a_text_that_is_no_link_is_not_shown(broken: str) -> None:
    """The server may send anything as a link; a notebook shows the other facts."""
    without_link = Video(url=broken, **DONE)._repr_html_()
    without_poster = Video(url="https://cdn.example/x.mp4", thumbnail_url=broken, **DONE)._repr_html_()

    assert "<video" not in without_link
    assert "ugc-text-overlay" in without_link
    assert "https://cdn.example/x.mp4" in without_poster


def test_a_running_video_shows_its_progress() -> None:
    """Progress is shown until the status is final, and facts that are not known are left out."""
    running = Video(id="batch_1", status="processing", progress=40)._repr_html_()

    assert "40 %" in running
    assert "duration" not in running
    assert "<video" not in running


def test_a_generation_is_shown_like_a_video() -> None:
    """A generation of Luma has its state, its prompt and a player."""
    shown = Generation(
        id="g1", provider="umami", state="succeeded", prompt="A <cat>", url="https://x.example/g.mp4"
    )._repr_html_()

    assert "Generation g1" in shown
    assert "A &lt;cat&gt;" in shown
    assert "<video" in shown


def test_the_status_of_a_batch_is_a_table() -> None:
    """States without jobs are left out; the credits are those that were not refunded."""
    shown = BatchStatus(total=3, saved=2, in_doubt=1, credits_charged=6, credits_refunded=2)._repr_html_()

    assert "<strong>3 jobs</strong>" in shown
    assert "in doubt" in shown
    assert "planned" not in shown
    assert ">4</td>" in shown


async def test_the_handle_of_a_video_is_shown_like_the_video() -> None:
    """Its newest state, with the player of a completed video, and without what gives access to the file."""
    done = answer(200, {**DONE, "url": "https://cdn.example/x.mp4?sig=secret"})
    client, transport, _ = client_with(answer(202, {"id": "batch_1", "status": "queued", "template_id": "t"}), done)
    job = await client.videos.start({"prompt": "Why is the sky blue?"}, "t")
    started = job._repr_html_()
    await job.refresh()

    assert "Job of video batch_1" in started
    assert ">queued</td>" in started
    assert ">completed</td>" in job._repr_html_()
    assert "sig=" not in job._repr_html_()
    assert "x.mp4?sig=secret" in job.to_html(links=True)
    assert len(transport.requests) == 2


@pytest.mark.parametrize("kind", [AsyncBluma, Bluma])
def test_a_handle_that_was_picked_up_shows_what_it_knows(kind: Type[Any]) -> None:
    """In both packages; no request is sent for it."""
    client = kind("bluma_test_key", base_url="http://127.0.0.1:9")
    facts = {"bluma_job": 1, "id": "batch_1", "key": "k", "template_id": "<t>", "base_url": "http://127.0.0.1:9"}
    facts["account"] = fingerprint_key("http://127.0.0.1:9", "bluma_test_key")

    shown = client.videos.job(facts)._repr_html_()

    assert "Job of video batch_1" in shown
    assert ">not read yet</td>" in shown
    assert ">&lt;t&gt;</td>" in shown

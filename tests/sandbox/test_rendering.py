"""Rendered videos: playable, of the right length, and each template in its own style."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import threading
from array import array
from pathlib import Path
from typing import Any, Dict, List

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from bluma_async._runtime.threads import in_thread
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.rendering import make_renderer
from bluma_async.sandbox.rendering.drawing import SCALES
from bluma_async.sandbox.rendering.drawing import draw as draw_video
from bluma_async.sandbox.rendering.scene import Scene, clean, parse_color, phrases, wrap
from bluma_async.sandbox.rendering.styles import STYLES, find_style
from bluma_async.sandbox.rendering.text import measure

LOOKS = ("kie", "umami", "vapi", "another")
PROMPT = "Explain why the sky is blue. Light bounces around in the air, and blue light bounces most of all!"
VIDEO: Any = av  # PyAV has types for a part of its names only


def row(**changes: Any) -> Dict[str, Any]:
    """Return the row of a short video, with changes."""
    usual = {
        "id": "batch_1", "template_id": "ugc-text-overlay", "prompt": PROMPT, "duration": 2, "resolution": "720p",
        "kind": "test", "watermark": True, "color": None,
    }  # fmt: skip
    return {**usual, **changes}


def draw(tmp_path: Path, **changes: Any) -> Any:
    """Draw a short video, and return its codec and sizes, its length, its frames, and its thumbnail."""
    mp4, jpg = tmp_path / "x.mp4", tmp_path / "x.jpg"
    draw_video(row(**changes), mp4, jpg, lambda: False)
    with VIDEO.open(str(mp4)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_image() for frame in container.decode(stream)]
        seconds = float(container.duration / 1_000_000)
        codec = stream.codec_context
        facts = (codec.name, codec.pix_fmt, codec.width, codec.height, round(float(stream.average_rate)))
    with Image.open(jpg) as thumbnail:
        thumbnail.load()
    return facts, seconds, frames, thumbnail


@pytest.mark.parametrize("template", sorted(STYLES))
def test_every_template_renders_a_video_of_the_right_length(tmp_path: Path, template: str) -> None:
    """H.264, yuv420p, the requested length, moving pictures, and a thumbnail."""
    facts, seconds, frames, thumbnail = draw(tmp_path, template_id=template)

    assert facts == ("h264", "yuv420p", 720, 1280, 24)
    assert abs(seconds - 2) < 0.5
    assert len(frames) == 48
    assert ImageChops.difference(frames[2], frames[-1]).getbbox() is not None
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (360, 640))


def test_styles_differ() -> None:
    """No two templates draw the same picture; an unknown template has a style too."""
    scene = Scene(text=PROMPT, frames=48, fps=24)
    pictures = [list(style(scene))[-1][0] for style in STYLES.values()]

    assert all(
        sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) > 5
        for index, one in enumerate(pictures)
        for other in pictures[index + 1 :]
    )
    assert find_style("nothing")(scene)


@pytest.mark.parametrize("template", sorted(STYLES))
@pytest.mark.parametrize("text", ["", "x", "w" * 300, "word " * 2000, "emoji 😀 漢字 \x00\x1b[31m\n\t العربية"])
def test_any_prompt_fills_its_frames(template: str, text: str) -> None:
    """Empty, long and unusual prompts yield exactly the requested number of frames."""
    scene = Scene(text=clean(text), frames=30, fps=24, scale=0.25)

    assert sum(count for _, count in STYLES[template](scene)) == 30


def test_every_word_is_shown_within_the_margins() -> None:
    """Splitting and wrapping lose no word, and no line is wider than the limit."""
    words = PROMPT.split()
    lines = [line for phrase in phrases(words, 5) for line in wrap(phrase, 40, 300)]

    assert " ".join(lines).split() == words
    assert max(measure(line, 40) for line in lines) <= 300
    assert "".join(wrap("w" * 100, 40, 300)) == "w" * 100


def test_test_mode_is_burned_in(tmp_path: Path) -> None:
    """A video of a test key has the stamp in its corner, a live one has not; live videos have 30 frames a second."""
    test_facts, _, marked, _ = draw(tmp_path)
    live_facts, _, plain, _ = draw(tmp_path, kind="live", watermark=False)
    corner = (475, 25, 695, 70)

    difference = ImageChops.difference(marked[10].crop(corner), plain[10].crop(corner))

    assert (test_facts[4], live_facts[4]) == (24, 30)
    assert sum(ImageStat.Stat(difference).mean) > 30


def test_a_watermark_is_drawn_into_the_picture(tmp_path: Path) -> None:
    """The text of a create's `watermark` is at the bottom left, a long one is cut, and the rest is as without it."""
    usual: Any = {"kind": "live", "watermark": False, "size": [1280, 720], "duration": 1}
    _, _, plain, _ = draw(tmp_path, **usual)
    _, _, marked, _ = draw(tmp_path, **usual, mark="my-brand")
    _, _, other, _ = draw(tmp_path, **usual, mark="another brand, with a name that is " + "very " * 50 + "long")

    corner, rest = (20, 646, 220, 700), (0, 0, 1280, 640)
    changed = [ImageStat.Stat(ImageChops.difference(plain[10].crop(corner), each[10].crop(corner))).mean
               for each in (marked, other)]  # fmt: skip
    assert all(sum(mean) > 30 for mean in changed)
    assert ImageChops.difference(marked[10], other[10]).getbbox() is not None
    assert sum(ImageStat.Stat(ImageChops.difference(plain[10].crop(rest), marked[10].crop(rest))).mean) < 6


@pytest.mark.parametrize("size", [(1280, 720), (720, 720), (1680, 720), (720, 1680)])
def test_captions_are_drawn_in_every_shape(tmp_path: Path, size: Any) -> None:
    """The words stand in the middle, the stamp in the corner, and the thumbnail has the shape of the video."""
    facts, _, frames, thumbnail = draw(tmp_path, size=list(size), duration=1)
    _, _, live, _ = draw(tmp_path, size=list(size), duration=1, watermark=False)

    changed = ImageChops.difference(frames[5], live[5]).point(lambda value: 255 if value > 60 else 0).getbbox()
    assert facts[2:4] == size
    assert thumbnail.size == (size[0] // 2, size[1] // 2)
    assert changed is not None
    assert changed[0] >= size[0] - 260
    assert changed[3] <= 90


def test_a_video_has_a_quiet_soundtrack(tmp_path: Path) -> None:
    """AAC, as long as the pictures, and quiet but not silent."""
    draw_video(row(duration=5), tmp_path / "x.mp4", tmp_path / "x.jpg", lambda: False)
    with VIDEO.open(str(tmp_path / "x.mp4")) as container:
        sound, pictures = container.streams.audio[0], container.streams.video[0]
        lengths = [float(stream.duration * stream.time_base) for stream in (sound, pictures)]
        name = sound.codec_context.name
        # A plane may be longer than its samples, each of four bytes.
        heard = [array("f", bytes(frame.planes[0])[: frame.samples * 4]) for frame in container.decode(sound)]
    loudest = max(abs(value) for values in heard for value in values)

    assert name == "aac"
    assert abs(lengths[0] - lengths[1]) < 0.1
    assert 0.01 < loudest < 0.06


def test_a_chat_fills_from_the_top() -> None:
    """The first message stands below the bar, and the rest of the window is empty until more come."""
    scene = Scene(text=clean(PROMPT), frames=240, fps=24)
    shots = [picture for picture, _ in STYLES["consumerclub-discord-zoomed"](scene)]
    early, late = shots[12], shots[-1]

    assert ImageStat.Stat(early.crop((0, 120, 720, 330))).stddev[0] > 10
    assert ImageStat.Stat(early.crop((0, 600, 720, 1180))).stddev == [0, 0, 0]
    assert ImageChops.difference(early.crop((0, 120, 720, 260)), late.crop((0, 120, 720, 260))).getbbox() is None


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (720, 720), (1680, 720)])
def test_generations_of_luma_are_films_of_their_shape(tmp_path: Path, size: Any) -> None:
    """The file has the ratio of the create, and each provider has colours of its own."""
    found = [draw(tmp_path, provider=name, size=list(size), duration=1, watermark=False) for name in LOOKS]

    assert {facts[2:4] for facts, _, _, _ in found} == {size}
    pictures = [frames[5] for _, _, frames, _ in found]
    assert all(
        sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) > 20
        for index, one in enumerate(pictures)
        for other in pictures[index + 1 :]
    )
    usual = draw(tmp_path, size=list(size), duration=1, watermark=False)[2][5]
    assert sum(ImageStat.Stat(ImageChops.difference(usual, pictures[0])).mean) > 20


def test_resolutions_and_colours_are_kept(tmp_path: Path) -> None:
    """1080p and 4k have their sizes; the colour of a variant is drawn."""
    facts, _, _, _ = draw(tmp_path, resolution="1080p", kind="live", watermark=False, duration=1)
    _, _, tinted, _ = draw(tmp_path, template_id="cat-explainer-v2", color="#00ff00", watermark=False)

    red, green, blue = tinted[5].getpixel((360, 1000))
    assert facts[2:4] == (1080, 1920)
    assert SCALES["4k"][1] * 720 == 2160
    assert green > 200 > max(red, blue)
    assert (parse_color("#FF69B4"), parse_color("nonsense"), parse_color(5)) == ((255, 105, 180), None, None)


@pytest.mark.parametrize("prepared", [True, False])
async def test_a_renderer_writes_both_files(tmp_path: Path, prepared: bool) -> None:
    """Both renderers write the video and the thumbnail, leave no temporary file, and return the size."""
    renderer = make_renderer(prepared=prepared)
    mp4, jpg = tmp_path / "a.mp4", tmp_path / "a.jpg"

    size = await renderer.render(row(duration=3), mp4, jpg)
    await renderer.close()

    assert size == mp4.stat().st_size > 0
    assert sorted(os.listdir(tmp_path)) == ["a.jpg", "a.mp4"]  # noqa: PTH208 - a folder of the test
    with VIDEO.open(str(mp4)) as container:
        assert abs(float(container.duration / 1_000_000) - 3) < 0.5


async def test_a_cancelled_render_leaves_no_file(tmp_path: Path) -> None:
    """Closing the renderer cancels the running render; no file and no thread is left."""
    renderer = make_renderer(prepared=False)
    running = asyncio.ensure_future(renderer.render(row(duration=60), tmp_path / "a.mp4", tmp_path / "a.jpg"))
    while not os.path.exists(tmp_path / "a.mp4.part"):  # noqa: PTH110 - a short call in a test
        await asyncio.sleep(0)

    await renderer.close()

    assert await running == 0
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a folder of the test
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("sandbox-render")] == []


async def test_a_video_is_completed_when_its_file_exists() -> None:
    """After its time a video stays at 99 % until it is rendered; a read never waits for the render."""
    async with Sandbox(clock="manual") as sandbox:
        videos = sandbox._running.videos
        made = videos.create({"context": {"prompt": "Test"}}, _template(), "test", fails=False)
        sandbox.advance(200)
        early: List[Any] = [videos.view(made)["status"], videos.view(made)["progress"]]
        await sandbox.advance(0)
        done = videos.view(made)

    assert early == ["processing", 99]
    assert (done["status"], done["size_bytes"] > 10_000) == ("completed", True)


async def test_a_video_that_cannot_be_rendered_fails(caplog: pytest.LogCaptureFixture) -> None:
    """An error of the renderer ends the video as failed, with refund, event and one log line; it does not hang."""
    async with Sandbox(clock="manual", render=False) as sandbox:
        state = sandbox._running
        await in_thread(lambda: shutil.rmtree(state.files.folder / "videos"))
        sent: List[Any] = []
        state.events.send = sent.append
        body = {"context": {"prompt": "Test"}, "webhook_url": "https://example.com/hook"}
        made = state.videos.create(body, _template(), "live", fails=False)
        await sandbox.advance(200)
        shown, balance = state.videos.view(made), sandbox.ledger.balance

    assert (shown["status"], shown["error"]["type"]) == ("failed", "rendering_failed")
    assert balance == sandbox.settings.credits
    assert json.loads(sent[-1].body)["type"] == "video.failed"
    assert [record.name for record in caplog.records] == ["bluma.sandbox"]
    assert caplog.records[0].message.startswith(f"{made['id']} was not rendered, and has failed: FileNotFoundError")


async def test_a_generation_that_cannot_be_rendered_fails() -> None:
    """The Luma providers too: the generation fails at once, is refunded, and its callback is sent."""
    async with Sandbox(clock="manual", render=False) as sandbox:
        state = sandbox._running
        await in_thread(lambda: shutil.rmtree(state.files.folder / "videos"))
        ended: List[Any] = []
        state.jobs.on_end = ended.append
        made = state.jobs.create("umami", "live", {}, "x", fails=False)
        await sandbox.advance(0)
        await sandbox.advance(200)

    assert (state.jobs.find_state(made), ended, sandbox.ledger.balance) == ("failed", [made], sandbox.settings.credits)


def _template() -> Any:
    from bluma_async.sandbox.catalog import find_template

    return find_template("ugc-text-overlay")

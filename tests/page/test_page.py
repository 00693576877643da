"""The page of the sandbox in a real browser: what it shows, and what can be done there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bluma_async.sandbox import Sandbox
from tests.page.calls import advance, call, make_video, put_file, serve_endpoint
from tests.page.conftest import OpenPage

# Resolves when the video has shown pictures; the page's policy forbids the polling of Playwright, which needs eval.
PLAYED = """() => new Promise((resolve, reject) => { const video = document.querySelector(".card video");
    video.addEventListener("error", () => reject(new Error(video.error.message)));
    const look = () => { if (video.currentTime > 0.1) resolve({ width: video.videoWidth, duration: video.duration });
        else setTimeout(look, 20); }; look(); })"""
SCRIPT = b"""<script>fetch("/_sandbox/keys", {method: "POST", headers: {"Content-Type": "application/json"},
    body: '{"name": "stolen", "environment": "production"}'})</script>"""
DOCUMENTS = {"text/html": SCRIPT, "image/svg+xml": b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>"}
VIEWS = ("videos", "requests", "webhooks", "credits", "faults", "keys")


def test_a_video_appears_and_moves_without_a_reload(open_page: OpenPage, local: Sandbox) -> None:
    """The stream adds the card, its progress follows the clock, and it ends with its thumbnail."""
    visit = open_page(local)
    view = visit.show("videos")
    visit.page.wait_for_selector(".empty:visible")
    make_video(local)
    view.locator(".card[data-status=queued]").wait_for()
    advance(local, 55)

    view.locator(".card[data-status=processing]", has_text="50 %").first.wait_for()
    advance(local, 50)
    view.locator(".card[data-status=completed] img").wait_for()
    assert "Why is the sky blue?" in view.inner_text()


@pytest.mark.parametrize("source", ["bluma", "umami"])
def test_videos_and_generations_play_in_place(open_page: OpenPage, local: Sandbox, source: str) -> None:
    """The MP4 of a video, and that of a generation, is decoded in its card, and its time goes on."""
    if source == "bluma":
        make_video(local)
    else:
        body = {"user_prompt": "Jellyfish at dusk", "aspect_ratio": "16:9"}
        call(local, "POST", "/umami/v1/luma-ai/generations", body, local.live_key)
    advance(local, 105)
    visit = open_page(local)
    visit.show("videos").locator(".play").click()

    facts = visit.page.evaluate(PLAYED)
    assert facts["width"] > 0
    assert 4 < facts["duration"] < 60


def test_a_video_plays_in_a_tab_of_its_own(open_page: OpenPage, local: Sandbox) -> None:
    """A link to a video is opened by itself; the policy of files permits the film, and nothing else."""
    video = make_video(local)
    advance(local, 105)
    visit = open_page(local)
    visit.page.goto(f"{local.origin}/cdn/videos/{video}.mp4")

    facts = visit.page.evaluate(PLAYED.replace(".card video", "video"))
    assert facts["width"] > 0


@pytest.mark.parametrize("kind", sorted(DOCUMENTS))
def test_an_uploaded_document_does_not_reach_the_control_surface(
    open_page: OpenPage, local: Sandbox, kind: str
) -> None:
    """A file with a script that makes a key is saved when it is opened, and not run."""
    made = call(local, "POST", "/api/v1/assets/upload", {"fileName": "a", "fileType": kind}, local.live_key)
    put_file(made["upload_url"], DOCUMENTS[kind])
    visit = open_page(local)
    visit.show("videos")
    with visit.page.expect_download(timeout=5_000) as saved:
        visit.page.evaluate("(link) => { location.href = link; }", made["cdn_url"])

    assert saved.value.path().read_bytes() == DOCUMENTS[kind]
    assert [each["name"] for each in call(local, "GET", "/_sandbox/page")["keys"]] == [
        "Sandbox test key", "Sandbox live key",
    ]  # fmt: skip


def test_the_request_log_shows_both_bodies(open_page: OpenPage, local: Sandbox) -> None:
    """A line opens to the body of the request and of the answer."""
    visit = open_page(local)
    view = visit.show("requests")
    video = make_video(local, "A prompt that the log shows")
    view.locator("summary", has_text="/api/v1/videos").click()

    view.locator(".detail pre", has_text="A prompt that the log shows").wait_for()
    view.locator(".detail pre", has_text=f'"id": "{video}"').wait_for()
    visit.page.get_by_role("button", name="Clear the log").click()
    visit.page.wait_for_selector(".empty:visible")


def test_a_delivery_is_shown_and_sent_again(open_page: OpenPage, local: Sandbox) -> None:
    """An endpoint is registered on the page; the code and the body of its answer are shown; one click sends again."""
    with serve_endpoint() as endpoint:
        visit = open_page(local)
        view = visit.show("webhooks")
        view.get_by_label("URL").fill(endpoint.url)
        view.get_by_label("video.queued").check()
        view.get_by_role("button", name="Register").click()
        view.locator(".secret pre", has_text="whsec_").wait_for()
        make_video(local)
        view.locator("summary", has_text="video.queued").click()
        view.locator(".detail pre", has_text="by the endpoint").wait_for()
        view.get_by_role("button", name="Send again").click()

        view.locator("summary", has_text="video.queued").nth(1).wait_for()
        assert len(endpoint.received) == 2
        assert endpoint.received[0] == endpoint.received[1]
        view.get_by_role("button", name="Delete the endpoint").click()
        view.get_by_text("No endpoint is registered").wait_for()


def test_faults_and_cruelty_are_switched(open_page: OpenPage, local: Sandbox) -> None:
    """A preset, a fault of the form and a setting of cruelty apply at once; one click removes them."""
    visit = open_page(local)
    view = visit.show("faults")
    view.get_by_role("button", name="Next create: 500").click()
    view.locator("td", has_text="POST /videos").wait_for()

    assert call(local, "POST", "/api/v1/videos", {}, local.live_key)["error"]["type"] == "sandbox_fault"
    view.get_by_text("No fault is active").wait_for()
    view.get_by_label("What", exact=True).select_option("html")
    view.get_by_label("Status", exact=True).fill("503")
    view.get_by_role("button", name="Add the fault").click()
    view.locator("td", has_text="html 503").wait_for()
    view.get_by_role("button", name="Remove all faults").click()
    view.get_by_text("No fault is active").wait_for()
    view.get_by_label("list lag").fill("7")
    view.get_by_label("list lag").press("Tab")
    view.locator(".changed", has_text="list lag").wait_for()
    assert local.cruelty.list_lag == 7
    view.get_by_role("button", name="No cruelty").click()
    view.locator(".changed").wait_for(state="detached")


def test_the_clock_is_advanced_on_the_page(open_page: OpenPage, local: Sandbox) -> None:
    """A manual clock is moved by a button, and a video that is due is completed."""
    visit = open_page(local)
    view = visit.show("videos")
    make_video(local)
    visit.page.get_by_role("button", name="Advance the clock by 105 seconds").click()

    view.locator(".card[data-status=completed]").wait_for()


def test_a_real_clock_is_paused_on_the_page(open_page: OpenPage) -> None:
    """The key p pauses the clock, which can then be advanced, and lets it go on."""
    with Sandbox(render=False) as sandbox:
        visit = open_page(sandbox)
        visit.show("videos")
        visit.page.keyboard.press("p")
        visit.page.get_by_role("button", name="Resume").wait_for()
        before = call(sandbox, "GET", "/_sandbox/page")["clock"]
        visit.page.get_by_role("button", name="Advance the clock by 3600 seconds").click()

        visit.page.get_by_role("button", name="Resume").click()
        visit.page.get_by_role("button", name="Pause").wait_for()
        after = call(sandbox, "GET", "/_sandbox/page")["clock"]
        assert (before["is_paused"], after["is_paused"]) == (True, False)
        assert after["time"] - before["time"] >= 3600


def test_credits_and_keys_are_shown(open_page: OpenPage, local: Sandbox) -> None:
    """The ledger and the budgets follow the requests; a new key shows its secret once, and can be revoked."""
    visit = open_page(local)
    view = visit.show("credits")
    video = make_video(local)
    view.locator("td", has_text=video).wait_for()
    view.get_by_text("1 of 5,000").wait_for()
    view = visit.show("keys")
    view.get_by_label("Name").fill("CI")
    view.get_by_role("button", name="Create").click()
    secret = view.locator(".secret pre").inner_text()

    assert [each["id"] for each in call(local, "GET", "/api/v1/videos", key=secret)["videos"]] == [video]
    view.get_by_role("button", name="Revoke CI").click()
    view.locator(".state", has_text="revoked").wait_for()
    assert call(local, "GET", "/api/v1/videos", key=secret)["error"]["status"] == 401


def test_a_video_is_made_on_the_page(open_page: OpenPage, local: Sandbox) -> None:
    """The form makes a video of the test key, which is not billed."""
    visit = open_page(local)
    view = visit.show("videos")
    view.get_by_text("New video").click()
    view.get_by_label("Prompt").fill("العربية, 漢字 and <b>markup</b>")
    view.get_by_role("button", name="Create").click()

    view.locator(".prompt", has_text="<b>markup</b>").wait_for()
    assert local.state()["jobs"] == {"test": 1, "live": 0}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_view_fits_its_window(open_page: OpenPage, local: Sandbox, scheme: Any, width: int) -> None:
    """No view is wider than a phone or a desktop, and the scheme is that of the system."""
    make_video(local)
    visit = open_page(local, color_scheme=scheme, viewport={"width": width, "height": 800})
    for name in VIEWS:
        visit.show(name)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, name

    background = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(16, 18, 22)") == (scheme == "dark")


OUTSIDE = """() => [...document.querySelectorAll("td, button, [aria-current=page]")]
    .filter((each) => each.checkVisibility() && each.textContent.trim())
    .filter((each) => each.getBoundingClientRect().right > innerWidth || each.getBoundingClientRect().left < 0)
    .map((each) => each.textContent)"""


def test_nothing_is_hidden_beside_a_phone(open_page: OpenPage, local: Sandbox) -> None:
    """Amounts, states and buttons of tables are in the window, and so is the tab of the view."""
    make_video(local)
    call(local, "POST", "/_sandbox/webhooks", {"url": f"{local.origin}/{'hook' * 20}", "events": ["video.queued"]})
    call(local, "POST", "/_sandbox/faults", {"route": "GET /videos/{id}/download", "kind": "status", "skip": 1000})
    visit = open_page(local, viewport={"width": 360, "height": 740})
    for name in VIEWS:
        visit.show(name)

        assert visit.page.evaluate(OUTSIDE) == [], name


def test_an_order_to_a_sandbox_that_has_ended_is_explained(open_page: OpenPage) -> None:
    """The note says that the sandbox does not answer, in no words of the browser."""
    with Sandbox(render=False) as ended:
        visit = open_page(ended)
        visit.show("videos")
    visit.page.wait_for_selector("#link:not(.live)")

    visit.page.locator("#pause").click()

    visit.page.wait_for_selector(".note.bad >> text=The sandbox does not answer.")
    visit.problems.clear()  # the browser reports the lost connection


def test_the_scheme_can_be_chosen(open_page: OpenPage, local: Sandbox) -> None:
    """The button goes from the system's scheme to light and dark, and the choice outlives a reload."""
    visit = open_page(local, color_scheme="light")
    visit.show("videos")
    for _ in range(2):
        visit.page.locator("#theme").click()
    visit.page.reload()

    assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 18, 22)"


def test_the_page_comes_back_after_the_sandbox(open_page: OpenPage, tmp_path: Any) -> None:
    """A restarted sandbox on the same port is shown without a reload; the page says meanwhile that it has no answer."""
    with Sandbox(clock="manual", render=False, data=tmp_path) as first:
        port = int(first.origin.rpartition(":")[2])
        visit = open_page(first)
        visit.show("videos")
        make_video(first, "Before the restart")
        visit.page.wait_for_selector(".card")
    visit.page.wait_for_selector("#link:not(.live)")
    with Sandbox(clock="manual", render=False, data=tmp_path, port=port) as second:
        visit.page.wait_for_selector("#link.live")
        make_video(second, "After the restart")

        visit.page.wait_for_selector(".card >> text=After the restart")
        assert visit.page.locator(".card").count() == 2
    visit.problems = [each for each in visit.problems if "ERR_" not in each]  # the browser reports the lost connection


def test_the_page_follows_another_speed_after_a_restart(open_page: OpenPage) -> None:
    """A sandbox with other settings on the same port: the pace and the controls of its clock are shown."""
    with Sandbox(render=False) as first:
        port = int(first.origin.rpartition(":")[2])
        visit = open_page(first)
        visit.show("videos")
        visit.page.locator("#pace", has_text="UTC").wait_for()
    visit.page.wait_for_selector("#link:not(.live)")
    with Sandbox(render=False, port=port, speed=50):
        visit.page.locator("#pace", has_text="50 \u00d7 as fast").wait_for()
        assert visit.page.locator("#pause").is_visible()
    visit.page.wait_for_selector("#link:not(.live)")
    with Sandbox(render=False, port=port, clock="manual"):
        visit.page.locator("#pace", has_text="manual clock").wait_for()
        assert not visit.page.locator("#pause").is_visible()
    visit.problems = [each for each in visit.problems if "ERR_" not in each]  # the browser reports the lost connection


def test_the_forms_follow_other_options(open_page: OpenPage, local: Sandbox) -> None:
    """A sandbox of another version has other templates: the form has them after the reconnection."""
    make_video(local)
    snapshot = call(local, "GET", "/_sandbox/page")
    templates = snapshot["options"]["templates"]
    older = {**snapshot, "options": {**snapshot["options"], "templates": templates[:1]}}
    streams = [f"retry: 20\nevent: snapshot\ndata: {json.dumps(older)}\n\n"]
    visit = open_page(local)

    def answer(route: Any) -> None:
        if streams:
            route.fulfill(content_type="text/event-stream", body=streams.pop())  # it ends, so the page reconnects
        else:
            route.continue_()

    visit.page.route("**/_sandbox/events", answer)
    visit.page.goto(f"{local.origin}/#videos")

    visit.page.locator(f"select[name=template] option[value={templates[-1]['id']}]").wait_for(state="attached")
    assert visit.page.locator("select[name=template] option").count() == len(templates)
    assert visit.page.locator(".card").count() == 1
    assert streams == []

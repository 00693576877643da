"""
Write pictures of the page, as README and documents show them: `python -m tests.page.pictures FOLDER`.

They need Chromium and Playwright; the sandbox draws its videos, and its clock is moved, so it takes half a minute.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bluma_async.sandbox import Sandbox
from tests.page.calls import call, make_video, serve_endpoint
from tests.page.conftest import OPTIONS, find_chromium

PROMPTS = {
    "ugc-text-overlay": "Explain why the sky is blue to a five year old. Blue light bounces around most of all!",
    "cat-explainer-v2": "Compound interest, and why it matters before you are thirty.",
    "rick-morty-explainer": "Is a hot dog a sandwich? It is bread with something in it. So is an envelope.",
    "steel-griffin-explainer": "Five reasons to test your webhooks on your own machine before the launch.",
    "consumerclub-discord-zoomed": "Did you see the release? It renders twice as fast. Naïve, 漢字, العربية: drawn! 😀",
}


def fill(sandbox: Sandbox, endpoint: str) -> None:
    """Make videos and generations in every state, and events for an endpoint."""
    call(sandbox, "POST", "/_sandbox/webhooks", {"url": endpoint, "events": ["video.completed", "video.failed"]})
    for template, prompt in PROMPTS.items():
        make_video(sandbox, prompt, template_id=template)
    body = {"user_prompt": "Jellyfish that fly over a city at dusk", "aspect_ratio": "16:9"}
    call(sandbox, "POST", "/umami/v1/luma-ai/generations", body, sandbox.live_key)
    for seconds, prompt in (
        (0, ""),
        (105, "A link that is broken [fail]"),
        (50, "A short history of the paper clip"),
        (64, ""),
    ):
        sandbox.advance(seconds)
        if prompt:
            make_video(sandbox, prompt)
    make_video(sandbox, "How do magnets work?")
    call(sandbox, "GET", "/api/v1/videos/none", key=sandbox.live_key)


def write(folder: Path) -> None:
    """Write a picture of each view in both schemes, and of the first on a phone."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    with serve_endpoint() as endpoint, Sandbox(clock="manual") as sandbox:
        fill(sandbox, endpoint.url)
        with sync_playwright() as driver:
            browser: Any = driver.chromium.launch(executable_path=find_chromium(), args=list(OPTIONS))
            for scheme in ("light", "dark"):
                page = browser.new_page(color_scheme=scheme, viewport={"width": 1360, "height": 900})
                for view in ("videos", "requests", "webhooks", "credits", "faults", "keys"):
                    page.goto(f"{sandbox.origin}/#{view}")
                    page.wait_for_selector("#link.live")
                    page.wait_for_timeout(1000)  # the pictures of videos are loaded late
                    page.screenshot(path=str(folder / f"{view}-{scheme}.png"))
            phone = browser.new_page(viewport={"width": 390, "height": 844})
            phone.goto(sandbox.origin + "/")
            phone.wait_for_selector(".card img")
            phone.screenshot(path=str(folder / "videos-phone.png"))
            browser.close()


if __name__ == "__main__":
    write(Path(sys.argv[1]))

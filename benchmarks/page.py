"""The frame times of the sandbox's page in headless Chromium, while 500 videos scroll and some of them change."""

from __future__ import annotations

import shutil
from typing import Any, List

from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.catalog import LISTED

VIDEOS, RUNNING = 500, 40
LIMIT = 50.0  # milliseconds of the 95th percentile
SCROLL = """() => new Promise((resolve) => {
    const times = []; let before = null;
    const step = (now) => {
        if (before !== null) times.push(now - before);
        before = now;
        window.scrollBy(0, 60);
        const isEnd = window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 2;
        if (isEnd || times.length >= 600) resolve(times); else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})"""


def fill(sandbox: Sandbox) -> None:
    """Create videos that are completed, and some that are still running while the page scrolls."""
    running = sandbox._running  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  # 500 requests would take longer

    def create(first: int, count: int) -> None:
        for number in range(first, first + count):
            body = {"context": {"prompt": f"Video {number}: explain why the sky is blue to a five year old"}}
            running.videos.create(body, LISTED[number % len(LISTED)], "test", fails=False)

    sandbox._call(create, 0, VIDEOS - RUNNING)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    sandbox.advance(105)
    sandbox._call(create, VIDEOS - RUNNING, RUNNING)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    sandbox.pause(is_paused=False)


def measure() -> List[float]:
    """Return the times between frames, in milliseconds."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only this part needs it

    with Sandbox(render=False, speed=10) as sandbox:
        sandbox.pause()
        fill(sandbox)
        with sync_playwright() as driver:
            path = shutil.which("chromium")
            browser: Any = driver.chromium.launch(executable_path=path, args=["--disable-gpu"])
            page = browser.new_page(viewport={"width": 1280, "height": 860})
            page.goto(sandbox.origin + "/")
            page.locator(".card").nth(VIDEOS - 1).wait_for(state="attached")
            times: List[float] = page.evaluate(SCROLL)
            browser.close()
    return sorted(times)


def report() -> List[str]:
    if shutil.which("chromium") is None:
        return ["skipped: no chromium on this machine"]
    times = measure()
    middle, late = times[len(times) // 2], times[int(len(times) * 0.95)]
    line = f"{VIDEOS} videos, {RUNNING} of them running: {len(times)} frames, median {middle:.1f} ms, p95 {late:.1f} ms"
    return [f"{line} (limit {LIMIT:.0f} ms), longest {times[-1]:.1f} ms"]

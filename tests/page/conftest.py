"""
A real browser for the page of the sandbox: Debian's Chromium, driven by Playwright.

With BLUMA_SCREENSHOTS=FOLDER, each test leaves a picture of the page as it was at its end.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional

import pytest

from bluma_async.sandbox import Sandbox

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--disable-gpu", "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required")


def find_chromium() -> Optional[str]:
    """Return the path of a Chromium, or None."""
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


@pytest.fixture(autouse=True)
def no_blocking() -> None:
    """Replace the check of all other tests: Playwright runs a loop in the thread of the test, which may block."""


# Not for the whole session: while Playwright is open, no other event loop can run in the thread of the tests.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Give a browser; skip the test, with the reason, where there is none."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (Python 3.10 and later)"
    )
    path = find_chromium()
    if path is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield opened
        opened.close()


class Visit:
    """The page in a browser, with everything that a page must not do."""

    def __init__(self, page: Any, sandbox: Sandbox) -> None:
        self.page = page
        self.sandbox = sandbox
        self.problems: List[str] = []
        page.set_default_timeout(15_000)
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("request", self._note_request)

    def show(self, view: str) -> Any:
        """Open a view, and return its element."""
        self.page.goto(f"{self.sandbox.origin}/#{view}")
        self.page.wait_for_selector("#link.live")
        return self.page.locator("main > section:visible")

    def _note_message(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"{message.type}: {message.text}")

    def _note_request(self, request: Any) -> None:
        if not request.url.startswith((self.sandbox.origin + "/", "data:")):
            self.problems.append(f"request to {request.url}")


OpenPage = Callable[..., Visit]


@pytest.fixture
def open_page(browser: Any, local: Sandbox, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """
    Give a function that opens the page of a sandbox; at the end, nothing may have gone wrong on it.

    The sandbox `local` ends after it, so that screenshots show a page that is connected.
    """
    visits: List[Visit] = []
    contexts: List[Any] = []

    def open_it(sandbox: Sandbox, **options: Any) -> Visit:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
        contexts.append(context)
        visits.append(Visit(context.new_page(), sandbox))
        return visits[-1]

    yield open_it
    problems = [problem for visit in visits for problem in visit.problems]  # before others can come
    folder = os.environ.get("BLUMA_SCREENSHOTS")
    for number, visit in enumerate(visits):
        if folder:
            name = re.sub(r"[^\w-]+", "-", f"{request.node.name}-{number}")
            visit.page.screenshot(path=str(Path(folder) / f"{name}.png"))
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def local() -> Iterator[Sandbox]:
    """Give a sandbox with a manual clock that serves from a thread of its own."""
    with Sandbox(clock="manual", render=False) as sandbox:
        yield sandbox

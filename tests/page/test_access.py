"""The page is reachable by keyboard and by assistive programs: names, focus, contrast of text."""

from __future__ import annotations

from typing import Any, List

import pytest

from bluma_async.sandbox import Sandbox
from tests.page.calls import advance, call, make_video, serve_endpoint
from tests.page.conftest import OpenPage

VIEWS = ("videos", "requests", "webhooks", "credits", "faults", "keys")
CONTROLS = "a[href], button, input, select, textarea, summary, video, pre"
NAMELESS = """() => [...document.querySelectorAll("input, select, textarea, button, a[href], progress, summary")]
    .filter((each) => each.checkVisibility())
    .filter((each) => ![...each.labels ?? []].some((label) => label.textContent.trim() || label.ariaLabel)
        && !each.ariaLabel && !each.textContent.trim())
    .map((each) => each.outerHTML)"""
COUNT = f"""() => [...document.querySelectorAll({CONTROLS!r})]
    .filter((each) => each.checkVisibility() && !each.disabled && each.tabIndex >= 0).length"""
LISTEN = """() => { window.reached = new Set();
    document.addEventListener("focusin", (event) => window.reached.add(event.target)); }"""
CONTRAST = """() => {
    const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const parse = (color) => { context.clearRect(0, 0, 1, 1); context.fillStyle = color; context.fillRect(0, 0, 1, 1);
        return context.getImageData(0, 0, 1, 1).data; };
    const light = ([r, g, b]) => [r, g, b].map((each) => each / 255)
        .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
        .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0);
    const ground = (each) => { for (let at = each; at; at = at.parentElement) {
        const style = getComputedStyle(at); if (style.backgroundImage !== "none") return null;
        const color = parse(style.backgroundColor); if (color[3] === 255) return color; if (color[3]) return null; }
        return parse("white"); };
    return [...document.querySelectorAll("body *")].filter((each) => each.checkVisibility())
        .filter((each) => !each.closest(":disabled")
        && [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())).map((each) => {
        const back = ground(each); if (!back) return null;
        const [one, other] = [light(parse(getComputedStyle(each).color)), light(back)].sort((a, b) => b - a);
        return [(one + 0.05) / (other + 0.05), each.outerHTML.slice(0, 90)]; }).filter((each) => each && each[0] < 4.5);
}"""


@pytest.fixture
def full(local: Sandbox) -> Any:
    """Give a sandbox in which every view has something to show."""
    with serve_endpoint() as endpoint:
        call(local, "POST", "/_sandbox/webhooks", {"url": endpoint.url, "events": ["video.queued"]})
        make_video(local)
        make_video(local, "This one fails [fail]")
        advance(local, 105)
        call(local, "POST", "/_sandbox/faults", {"route": "*", "kind": "status", "skip": 1000})
        yield local


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_control_has_a_name_and_every_text_contrast(open_page: OpenPage, full: Sandbox, scheme: Any) -> None:
    """Inputs have labels, buttons and links have texts, and text has a contrast of at least 4.5 to 1."""
    visit = open_page(full, color_scheme=scheme)
    for name in VIEWS:
        view = visit.show(name)
        for summary in view.locator("summary").all()[:2]:
            summary.click()

        assert visit.page.evaluate(NAMELESS) == [], name
        assert visit.page.evaluate(CONTRAST) == [], name


@pytest.mark.parametrize("name", VIEWS)
def test_every_control_is_reached_by_keyboard(open_page: OpenPage, full: Sandbox, name: str) -> None:
    """Tab reaches each control of a view."""
    visit = open_page(full)
    visit.show(name)
    visit.page.evaluate(LISTEN)
    expected = visit.page.evaluate(COUNT)
    for _ in range(expected + 3):
        visit.page.keyboard.press("Tab")

    assert expected > 12
    assert visit.page.evaluate("window.reached.size") == expected


def test_keys_change_the_view_and_search(open_page: OpenPage, full: Sandbox) -> None:
    """Digits choose the view, and a slash moves the focus to its search; typing there chooses no view."""
    visit = open_page(full)
    visit.show("videos")
    seen: List[str] = []
    for key in "123456":
        visit.page.keyboard.press(key)
        visit.page.wait_for_selector(f"#tabs li:nth-child({key}) a[aria-current]")
        seen.append(visit.page.evaluate("location.hash"))
    visit.page.keyboard.press("1")
    visit.page.wait_for_selector("#tabs li:nth-child(1) a[aria-current]")
    visit.page.keyboard.press("/")
    visit.page.wait_for_function("document.activeElement.matches('input')")
    visit.page.keyboard.type("fails 2")

    assert seen == [f"#{name}" for name in VIEWS]
    assert visit.page.evaluate("[location.hash, document.activeElement.value]") == ["#videos", "fails 2"]

"""
Models as HTML, for notebooks: a table of facts, and a player.

Rule 1: every text is escaped, also those of the server.
Rule 2: a link with a query is not shown unless the caller asks for it: the query of a signed link gives access to the
file, and notebooks are saved and shared.
Rule 3: no script and no style sheet: viewers of notebooks remove them.
"""

from __future__ import annotations

from typing import Mapping, Sequence
from urllib.parse import SplitResult, urlsplit

__all__ = ["build_card", "build_player"]

CELL = 'style="text-align:left"'
HIDDEN = "The link is signed and is not shown. <code>display(HTML(x.to_html(links=True)))</code> shows the player."
PLAYER = '<video controls preload="none" width="360" src="{url}"{poster}></video>'


def build_card(title: str, facts: Mapping[str, object], body: Sequence[str] = ()) -> str:
    """Return a title, a table of the facts that are not None, and further elements."""
    from html import escape  # noqa: PLC0415 - it loads a table of two thousand characters, for notebooks alone

    rows = "".join(
        f"<tr><th {CELL}>{escape(name)}</th><td {CELL}>{escape(str(value))}</td></tr>"
        for name, value in facts.items()
        if value is not None
    )
    return f"<div><strong>{escape(title)}</strong><table>{rows}</table>{''.join(body)}</div>"


def build_player(url: str | None, thumbnail_url: str | None, *, links: bool) -> list[str]:
    """Return a player for a video that has a link, as a list of elements."""
    from html import escape  # noqa: PLC0415 - as above

    link, picture = _split(url), _split(thumbnail_url)
    if link is None or link.scheme not in {"http", "https"}:
        return []
    if not links and link.query:
        return [f"<p>{HIDDEN}</p>"]
    shows_thumbnail = picture is not None and (links or not picture.query)
    poster = f' poster="{escape(str(thumbnail_url))}"' if shows_thumbnail else ""
    return [PLAYER.format(url=escape(str(url)), poster=poster)]


def _split(url: str | None) -> SplitResult | None:
    """Return the parts of a link; None if there is none, or if the server has sent another text."""
    try:
        return urlsplit(url) if url else None
    except ValueError:
        return None

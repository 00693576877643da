"""
Follow the state for one open page: a snapshot first, then only the parts that have changed.

The state is compared a few times a second, for as long as a page is open. Rows of tables are not compared: the database
reports those that were stored, so a load test with many videos costs an open page little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Collection, Dict, List, Mapping

from bluma_async.sandbox.page_views import (
    show_account,
    show_card,
    show_clock,
    show_cruelty,
    show_faults,
    show_keys,
    show_options,
    show_request,
    show_sent,
    show_transactions,
    show_webhooks,
)

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from bluma_async.sandbox.state import State
    from bluma_async.sandbox.tables import Row

__all__ = ["TICK", "PageStream"]

TICK = 0.25  # seconds between two comparisons
SLOW = 4  # progress and counts are compared every so many ticks
HEARTBEAT = 40  # after so many ticks without a change, the time is sent
MOST_CARDS = 500
MOST_LINES = 200  # of a log, in one message
SECTIONS: Mapping[str, Callable[[State], Any]] = {
    "webhooks": show_webhooks,
    "keys": show_keys,
    "faults": show_faults,
    "cruelty": show_cruelty,
}


class PageStream:
    """The stream of one page, and the parts that it has sent. Follows the state inside of `with`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._marked: Dict[str, None] = {}  # ids of videos and generations that were stored, in order
        self._open: Dict[str, Row] = {}  # those of the page that have not ended
        self._sent: Dict[str, Any] = {}
        self._progress: Dict[str, Any] = {}
        self._seen: Dict[str, int] = {}  # how much of each log the page has
        self._time = 0.0  # that the page was sent last
        self._compared_at = 0.0  # the time at which the progress was compared last
        self._ticks = 0
        self._quiet = 0

    def __enter__(self) -> Self:
        self._state.database.watchers.append(self._mark)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._state.database.watchers.remove(self._mark)

    def snapshot(self) -> Dict[str, Any]:
        """Return everything that the page shows."""
        state = self._state
        rows = [*state.video_rows.newest(MOST_CARDS), *state.job_rows.newest(MOST_CARDS)]
        newest = sorted(rows, key=lambda row: row["created"])[-MOST_CARDS:]
        self._seen = self._count_logs()
        self._time = state.clock.time()
        sections = {name: show(state) for name, show in SECTIONS.items()}
        clock = show_clock(state)
        self._sent = {**sections, "is_paused": clock["is_paused"]}
        return {
            "clock": clock,
            "options": show_options(state),
            "account": show_account(state),
            "cards": [self._show_card(row) for row in newest],
            "requests": [show_request(record) for record in state.request_log.records[-MOST_LINES:]],
            "deliveries": [show_sent(sent) for sent in state.recorder.list_deliveries(MOST_LINES)],
            "transactions": show_transactions(state.ledger.newest(MOST_LINES)[::-1]),
            **sections,
        }

    def collect(self) -> Dict[str, Any]:
        """Return the parts that have changed since the last call, with the time; an empty object if none has."""
        self._ticks += 1
        changes = {**self._collect_cards(), **self._collect_logs(), **self._collect_sections()}
        clock = show_clock(self._state)
        is_moved = clock["is_paused"] and clock["time"] != self._time
        is_switched = clock["is_paused"] != self._sent["is_paused"]
        self._quiet = 0 if changes or is_moved or is_switched else self._quiet + 1
        if self._quiet % HEARTBEAT:
            return {}
        self._time, self._sent["is_paused"] = clock["time"], clock["is_paused"]
        return {"clock": clock, **changes}

    def _mark(self, kind: str, identifier: str) -> None:
        if kind in {"video", "luma"}:
            self._marked[identifier] = None

    def _collect_cards(self) -> Dict[str, Any]:
        marked, self._marked = list(self._marked), {}
        rows = [row for row in map(self._find, marked[-MOST_CARDS:]) if row is not None]
        cards = [self._show_card(row) for row in rows]
        now = self._state.clock.time()
        if self._ticks % SLOW == 0 and now != self._compared_at:
            self._compared_at = now
            cards.extend(self._collect_progress({row["id"] for row in rows}))
        return {"cards": cards} if cards else {}

    def _collect_progress(self, shown: Collection[str]) -> List[Dict[str, Any]]:
        before = dict(self._progress)
        cards: List[Dict[str, Any]] = []
        for identifier, row in list(self._open.items()):
            card = self._show_card(row)
            if identifier not in shown and before.get(identifier) != (card["status"], card["progress"]):
                cards.append(card)
        return cards

    def _show_card(self, row: Row) -> Dict[str, Any]:
        """Return a card, and note whether it may change by itself."""
        card = show_card(self._state, row)
        if row["completed"] is None:
            self._open[row["id"]] = row
            self._progress[row["id"]] = (card["status"], card["progress"])
            while len(self._open) > MOST_CARDS:
                self._forget(next(iter(self._open)))
        else:
            self._forget(row["id"])
        return card

    def _forget(self, identifier: str) -> None:
        self._open.pop(identifier, None)
        self._progress.pop(identifier, None)

    def _find(self, identifier: str) -> Row | None:
        return self._state.video_rows.find(identifier) or self._state.job_rows.find(identifier)

    def _count_logs(self) -> Dict[str, int]:
        state = self._state
        return {
            "requests": state.request_log.served,
            "cleared": state.request_log.cleared,
            "deliveries": state.recorder.delivered,
            "transactions": state.ledger.count,
        }

    def _collect_logs(self) -> Dict[str, Any]:
        before, self._seen = self._seen, self._count_logs()
        new = {name: min(self._seen[name] - before[name], MOST_LINES) for name in self._seen}
        state = self._state
        lines: Dict[str, Any] = {}
        if new["cleared"]:
            lines["is_log_cleared"] = True
        if new["requests"] or new["cleared"]:
            records = state.request_log.records[-new["requests"] :] if new["requests"] else []
            lines["requests"] = [show_request(record) for record in records]
        if new["deliveries"]:
            lines["deliveries"] = [show_sent(sent) for sent in state.recorder.list_deliveries(new["deliveries"])]
        if new["transactions"]:
            lines["transactions"] = show_transactions(state.ledger.newest(new["transactions"])[::-1])
        return lines

    def _collect_sections(self) -> Dict[str, Any]:
        sections = dict(SECTIONS)
        if self._ticks % SLOW == 0:
            sections["account"] = show_account
        found = {name: show(self._state) for name, show in sections.items()}
        changed = {name: value for name, value in found.items() if self._sent.get(name) != value}
        self._sent.update(changed)
        return changed

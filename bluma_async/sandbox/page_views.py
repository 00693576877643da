"""The state as the page shows it, in JSON: one function for each part of the page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence

import attrs

from bluma_async.sandbox.catalog import BY_ID
from bluma_async.sandbox.clock import RealClock, iso
from bluma_async.sandbox.cruelty import LISTS, Cruelty
from bluma_async.sandbox.events import EVENT_TYPES
from bluma_async.sandbox.faults import KINDS, WEBHOOK_KINDS
from bluma_async.sandbox.profiles import PROFILES
from bluma_async.sandbox.recorder import show_body, show_headers
from bluma_async.sandbox.videos import FAILURE, compute_progress, compute_status

if TYPE_CHECKING:
    from bluma_async.sandbox.recorder import Exchange, SentDelivery
    from bluma_async.sandbox.request_log import RequestRecord
    from bluma_async.sandbox.state import State
    from bluma_async.sandbox.tables import Row

__all__ = [
    "show_account",
    "show_card",
    "show_clock",
    "show_cruelty",
    "show_delivery",
    "show_exchange",
    "show_faults",
    "show_keys",
    "show_options",
    "show_request",
    "show_sent",
    "show_transactions",
    "show_webhooks",
]

LONGEST_PROMPT = 400  # letters


def show_clock(state: State) -> Dict[str, Any]:
    """Return the time, and how it passes."""
    clock = state.clock
    is_real = isinstance(clock, RealClock)
    return {
        "time": clock.time(),
        "kind": "real" if is_real else "manual",
        "speed": clock.speed if isinstance(clock, RealClock) else 0,
        "is_paused": clock.is_paused if isinstance(clock, RealClock) else True,
    }


def show_card(state: State, row: Row) -> Dict[str, Any]:
    """Return a video, or a generation of a Luma provider, as a card shows it."""
    now, provider = state.clock.time(), row.get("provider")
    status = compute_status(row, now)
    width, height = row.get("size") or (720, 1280)
    is_completed = status == "completed"
    return {
        "id": row["id"],
        "source": provider or "bluma",
        "template": None if provider else row["template_id"],
        "status": status,
        "progress": compute_progress(row, now),
        "prompt": row["prompt"][:LONGEST_PROMPT],
        "kind": row["kind"],
        "credits": row.get("credits_charged"),
        "resolution": row["resolution"],
        "duration": row["duration"],
        "size_bytes": row.get("size_bytes"),
        "width": width,
        "height": height,
        "created": row["created"],
        "completed": row["completed"],
        "error": FAILURE["detail"] if status == "failed" else None,
        "is_stranger": bool(row.get("stranger")),
        "video": f"/cdn/videos/{row['id']}.mp4" if is_completed else None,
        "thumbnail": f"/cdn/thumbnails/{row['id']}.jpg" if is_completed else None,
    }


def show_request(record: RequestRecord) -> Dict[str, Any]:
    """Return a line of the request log."""
    names = ("id", "method", "path", "query", "route", "status", "key", "idempotency_key", "video_id", "at")
    return {**{name: getattr(record, name) for name in names}, "latency": round(record.latency, 1)}


def show_exchange(exchange: Exchange) -> Dict[str, Any]:
    """Return the headers and bodies of a request and its answer."""
    return {
        "request": {"headers": show_headers(exchange.request_headers), "body": show_body(exchange.request_body)},
        "response": {"headers": show_headers(exchange.response_headers), "body": show_body(exchange.response_body)},
    }


def show_sent(sent: SentDelivery) -> Dict[str, Any]:
    """Return a line of the deliveries."""
    return {
        "id": sent.id,
        "name": sent.delivery.name,
        "attempt": sent.delivery.attempt,
        "url": sent.delivery.url,
        "status": sent.outcome.status,
        "milliseconds": sent.outcome.milliseconds,
        "error": sent.outcome.error,
        "at": sent.at,
        "next_at": sent.next_at,
    }


def show_delivery(sent: SentDelivery) -> Dict[str, Any]:
    """Return a delivery with its headers, and the bodies of both sides."""
    return {
        **show_sent(sent),
        "request": {"headers": show_headers(sent.delivery.headers), "body": show_body(sent.delivery.body)},
        "response": {"headers": None, "body": show_body(sent.outcome.body)},
    }


def show_transactions(rows: Sequence[Row]) -> List[Dict[str, Any]]:
    """Return lines of the ledger."""
    names = ("id", "type", "amount", "balance_after", "description")
    return [
        {**{name: row[name] for name in names}, "at": row["created"], "is_stranger": bool(row.get("stranger"))}
        for row in rows
    ]


def show_account(state: State) -> Dict[str, Any]:
    """Return the counts, and the hourly budget of each active key."""
    budgets = [
        {"id": row["id"], "name": row["name"], "limit": row["limit"], "used": state.rate_limits.count_used(row)}
        for row in state.keys.all()
        if row["is_active"]
    ]
    more = {"spent": state.ledger.spent(), "tier": state.settings.tier, "transactions": state.ledger.count}
    counts = {name: value for name, value in state.summary().items() if name != "clock"}
    return {**counts, **more, "budgets": budgets}


def show_keys(state: State) -> List[Dict[str, Any]]:
    """Return the keys, by the beginnings of their secrets."""
    names = ("id", "name", "prefix", "environment", "is_active", "limit", "scopes")
    return [{**{name: row[name] for name in names}, "created_at": iso(row["created"])} for row in state.keys.all()]


def show_webhooks(state: State) -> List[Dict[str, Any]]:
    """Return the webhooks, without their secrets."""
    return [{name: row[name] for name in ("id", "url", "events", "is_active", "failures")} for row in state.webhooks]


def show_faults(state: State) -> List[Dict[str, Any]]:
    """Return the faults that still apply."""
    return [attrs.asdict(fault) for fault in state.faults.active]


def show_cruelty(state: State) -> Dict[str, Any]:
    """Return every setting of Cruelty."""
    shown: Dict[str, Any] = json.loads(json.dumps(state.cruelty.value.to_dict()))
    return shown


def show_options(state: State) -> Mapping[str, Any]:
    """Return the choices of the page's forms; they never change while a sandbox runs."""
    return {
        "templates": [{"id": each["id"], "name": each["name"]} for each in BY_ID.values()],
        "events": list(EVENT_TYPES),
        "fault_routes": ["*", "webhooks", *state.faults.known_routes],
        "fault_kinds": sorted(KINDS),
        "webhook_faults": sorted(WEBHOOK_KINDS),
        "profiles": list(PROFILES),
        "cruelty_defaults": json.loads(json.dumps(Cruelty().to_dict())),
        "cruelty_lists": sorted(LISTS),
        "renders": state.settings.render,
    }

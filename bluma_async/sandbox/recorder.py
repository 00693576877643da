"""
The headers and bodies of requests and deliveries, which the page shows besides the log.

Rule 1: only the newest are kept, and of a body only its beginning; a load test must not fill the memory.
Rule 2: nothing is kept unless the control surface is served, which alone shows it.
Rule 3: keys, secrets and the signatures of links are masked when they are shown. A key or a secret is shown once, in
the answer that makes it, and the page must not show it again to others.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, List, Mapping, Optional

import attrs

if TYPE_CHECKING:
    from bluma_async.sandbox.events import Delivery, Outcome

__all__ = ["LARGEST_BODY", "Exchange", "Recorder", "SentDelivery", "mask", "show_body", "show_headers"]

KEPT = 500  # requests, and deliveries
LARGEST_BODY = 16_384  # bytes of a body
SECRET = re.compile(r"(whsec_|bluma_(?:test|live)_|\b(?:signed|sig)=)[A-Za-z0-9_-]+")
HIDDEN = frozenset(("authorization", "proxy-authorization", "cookie", "set-cookie"))
Headers = Mapping[str, str]


@attrs.frozen(kw_only=True)
class Exchange:
    """
    The headers and bodies of a request and its answer; a body is None if it was not read, or was sent in pieces.

    Attributes:
        request_headers: The headers of the request.
        request_body: The first bytes of its body.
        response_headers: The headers of the answer; None if none was sent.
        response_body: The first bytes of the answer.
    """

    request_headers: Headers
    request_body: Optional[bytes]
    response_headers: Optional[Headers]
    response_body: Optional[bytes]


@attrs.frozen(kw_only=True)
class SentDelivery:
    """
    One attempt to deliver an event or a callback.

    Attributes:
        id: Identifies the attempt.
        delivery: The request that was sent.
        outcome: The answer, or the reason why there is none.
        at: The time of the answer by the sandbox's clock, in seconds since 1970.
        next_at: The time of the next attempt; None if there will be none.
    """

    id: str
    delivery: Delivery
    outcome: Outcome
    at: float
    next_at: Optional[float]


class Recorder:
    """The newest exchanges and deliveries."""

    def __init__(self, *, is_active: bool) -> None:
        self.is_active: bool = is_active
        self.delivered: int = 0
        self.listeners: List[Callable[[SentDelivery], Any]] = []
        self._exchanges: OrderedDict[str, Exchange] = OrderedDict()
        self._deliveries: Deque[SentDelivery] = deque(maxlen=KEPT)

    def add_exchange(self, request_id: str, exchange: Exchange) -> None:
        """Keep the bodies of a request, and forget those of the oldest."""
        self._exchanges[request_id] = exchange
        if len(self._exchanges) > KEPT:
            self._exchanges.popitem(last=False)

    def find_exchange(self, request_id: str) -> Optional[Exchange]:
        """Return the bodies of a request; None if they are not kept any more."""
        return self._exchanges.get(request_id)

    def add_delivery(self, delivery: Delivery, outcome: Outcome, at: float, next_at: Optional[float]) -> None:
        """Keep an attempt, and call the listeners."""
        sent = SentDelivery(
            id=f"sent_{secrets.token_hex(6)}", delivery=delivery, outcome=outcome, at=at, next_at=next_at
        )
        self.delivered += 1
        if self.is_active:
            self._deliveries.append(sent)
        for listener in self.listeners:
            listener(sent)

    def find_delivery(self, identifier: str) -> Optional[SentDelivery]:
        """Return an attempt; None if it is not kept."""
        return next((sent for sent in self._deliveries if sent.id == identifier), None)

    def list_deliveries(self, count: int = KEPT) -> List[SentDelivery]:
        """Return so many of the newest attempts, oldest first."""
        return list(self._deliveries)[-count:] if count else []


def mask(text: str) -> str:
    """Return a text without the secret parts of keys, secrets and links."""
    return SECRET.sub(r"\1...", text)


def show_headers(headers: Optional[Headers]) -> Optional[Dict[str, str]]:
    """Return headers as JSON, without those that hold a key."""
    if headers is None:
        return None
    return {name: mask(value) for name, value in headers.items() if name.lower() not in HIDDEN}


def show_body(body: Optional[bytes]) -> Optional[str]:
    """Return the beginning of a body as text, without secrets; None if it was not recorded."""
    return None if body is None else mask(body[:LARGEST_BODY].decode("utf-8", "replace"))

"""
Faults on request: errors that a test injects into chosen requests, or into webhook deliveries.

A fault names a route such as `POST /videos` or `GET /videos/{id}`, `webhooks` for deliveries, or `*` for any. The first
fault that matches is applied, up to `times` times. `fault_actions.py` has the effect of each kind.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Collection, Dict, List, Mapping, Optional

import attrs

__all__ = ["KINDS", "WEBHOOK_KINDS", "Fault", "Faults"]

REQUEST_KINDS = frozenset(
    (
        "status",
        "status_after",
        "drop_before",
        "drop_after",
        "delay",
        "silent",
        "trickle",
        "truncate",
        "not_json",
        "stray_answer",
        "html",
        "string_error",
        "new_status",
        "fail_render",
        "expire_link",
    )
)
WEBHOOK_KINDS = frozenset(("duplicate_webhook", "reorder_webhooks"))
KINDS = REQUEST_KINDS | WEBHOOK_KINDS
OPTIONS = ("status", "retry_after", "body", "seconds", "after")
PLACEHOLDER = re.compile(r"\{[^}]*\}")


@attrs.define(kw_only=True)
class Fault:
    """
    A fault that is active.

    Attributes:
        route: The requests that it applies to.
        kind: The effect; one of KINDS.
        times: How often it still applies; None for always.
        skip: The number of matching requests that still pass unharmed.
        status: The status that `status`, `status_after`, `html` and `string_error` answer with.
        retry_after: The Retry-After header of that answer, in seconds.
        body: The JSON body of a `status` or `status_after` answer, or the status value of `new_status`. The words
            `html` and `empty` stand for a proxy's page and for no body; any other text is sent as plain text.
        seconds: How long `delay` waits, or `trickle` pauses between two bytes; in real seconds.
        after: How many bytes `truncate` sends.
    """

    route: str
    kind: str
    times: Optional[int] = 1
    skip: int = 0
    status: int = 500
    retry_after: Optional[float] = None
    body: Any = None
    seconds: float = 0.05
    after: int = 10


class Faults:
    """The active faults, oldest first."""

    def __init__(self) -> None:
        self._active: List[Fault] = []
        self._routes: Collection[str] = ()  # with placeholders that have no names
        self._names: Collection[str] = ()

    def set_known_routes(self, routes: Collection[str]) -> None:
        """Set the routes that `add` accepts."""
        self._names = tuple(routes)
        self._routes = [_normalise(route) for route in routes]

    def add(self, route: str, kind: str, *, times: Optional[int] = 1, skip: int = 0, **details: Any) -> Fault:
        """
        Add a fault, and return it.

        Args:
            route: A method and a path such as `POST /videos`, `webhooks` for deliveries, or `*` for any request.
            kind: The effect; one of KINDS.
            times: How often it applies; None for always.
            skip: The number of matching requests that pass unharmed first.
            **details: The options of the kind: `status`, `retry_after`, `body`, `seconds`, `after`.

        Raises:
            ValueError: The route, the kind or an option does not exist. No fault was added.
        """
        unknown = sorted(set(details) - set(OPTIONS))
        if kind not in KINDS:
            raise ValueError(f"There is no fault {kind!r}; there are {', '.join(sorted(KINDS))}.")
        if unknown:
            raise ValueError(f"There is no option {', '.join(unknown)} of a fault; there are {', '.join(OPTIONS)}.")
        if not self._is_known(route, kind):
            raise ValueError(f"There is no route {route!r} for a fault; name one such as 'POST /videos', or '*'.")
        _require_numbers(times, skip, details)
        fault = Fault(route=route, kind=kind, times=times, skip=skip, **details)
        self._active.append(fault)
        return fault

    @property
    def known_routes(self) -> Collection[str]:
        """The routes that `add` accepts."""
        return self._names

    @property
    def active(self) -> List[Fault]:
        """The faults that still apply, oldest first."""
        return [fault for fault in self._active if fault.times != 0]

    def clear(self) -> None:
        """Remove every fault."""
        self._active.clear()

    def take(self, route: str, path: str) -> Fault | None:
        """Return the fault that applies to this request, or None; it counts as applied."""
        return self._take(lambda fault: fault.kind in REQUEST_KINDS and _matches(fault.route, route, path))

    def take_for_webhook(self, kind: str) -> bool:
        """Tell whether a fault of this kind applies to the next delivery; it counts as applied."""
        return self._take(lambda fault: fault.kind == kind) is not None

    def _take(self, is_match: Callable[[Fault], bool]) -> Fault | None:
        for fault in self._active:
            if not is_match(fault) or fault.times == 0:
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None

    def _is_known(self, route: str, kind: str) -> bool:
        if route == "*" or kind in WEBHOOK_KINDS:
            return route in {"*", "webhooks"} or _normalise(route) in self._routes
        method, _, path = route.partition(" ")
        literal = [known for known in self._routes if re.fullmatch(_make_pattern(known), f"{method} {path}")]
        return _normalise(route) in self._routes or bool(literal)


def _normalise(route: str) -> str:
    return PLACEHOLDER.sub("{}", route)


def _make_pattern(route: str) -> str:
    return "[^/]+".join(re.escape(piece) for piece in route.split("{}"))


def _matches(wanted: str, route: str, path: str) -> bool:
    method = route.partition(" ")[0]
    return wanted == "*" or _normalise(wanted) == _normalise(route) or wanted == f"{method} {path}"


def _require_numbers(times: Any, skip: Any, details: Mapping[str, Any]) -> None:
    numbers: Dict[str, Any] = {"skip": skip, "times": 0 if times is None else times, **details}
    numbers.pop("body", None)
    for name, value in numbers.items():
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
        if not is_number and not (name == "retry_after" and value is None):
            raise ValueError(f"{name} must be a number of at least 0, not {value!r}.")

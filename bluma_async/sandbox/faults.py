"""
Faults on request: what goes wrong, where, how often.

A fault names a route such as `POST /videos` or `GET /videos/{id}`, `webhooks` for deliveries, or `*` for any. Only the
first that matches strikes, and each as often as its `times` says.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Collection, Dict, List, Mapping, Optional

import attrs

__all__ = ["KINDS", "Fault", "Faults"]

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
        "html",
        "string_error",
        "new_status",
        "fail_render",
        "expire_link",
    )
)
WEBHOOK_KINDS = frozenset(("duplicate_webhook", "reorder_webhooks"))
KINDS = REQUEST_KINDS | WEBHOOK_KINDS
PLACEHOLDER = re.compile(r"\{[^}]*\}")


@attrs.define(kw_only=True)
class Fault:
    """
    One thing that goes wrong.

    Attributes:
        route: Where.
        kind: What.
        times: How often it still strikes; None for always.
        skip: How many requests it lets pass first.
        status: The status that `status`, `status_after`, `html` and `string_error` answer.
        retry_after: The Retry-After, in seconds, that goes with it.
        body: The JSON body that `status` answers, or the status word of `new_status`.
        seconds: How long `delay` waits, or `trickle` pauses between two bytes; real seconds.
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
    """The faults that are waiting to strike."""

    def __init__(self) -> None:
        self._waiting: List[Fault] = []
        self._routes: Collection[str] = ()

    def know(self, routes: Collection[str]) -> None:
        """Learn which routes there are."""
        self._routes = [_shape(route) for route in routes]

    def add(self, route: str, kind: str, *, times: Optional[int] = 1, skip: int = 0, **details: Any) -> Fault:
        """
        Have something go wrong.

        Args:
            route: Where: a method and a path such as `POST /videos`, `webhooks`, or `*`.
            kind: What: one of KINDS.
            times: How often; None for always.
            skip: How many matching requests to let pass first.
            **details: What the kind needs: `status`, `retry_after`, `body`, `seconds`, `after`.

        Raises:
            ValueError: There is no such route, kind or detail.
        """
        known = {field.name for field in attrs.fields(Fault)}
        wrong = sorted(set(details) - known)
        if kind not in KINDS or wrong:
            raise ValueError(f"There is no fault {kind!r} with {wrong}; there are {', '.join(sorted(KINDS))}.")
        if not self._is_place(route, kind):
            raise ValueError(f"There is no route {route!r} for a fault; name one such as 'POST /videos', or '*'.")
        _require_numbers(times, skip, details)
        fault = Fault(route=route, kind=kind, times=times, skip=skip, **details)
        self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Have nothing go wrong any more."""
        self._waiting.clear()

    def strike(self, route: str, path: str) -> Fault | None:
        """Return the fault that strikes this request, if one does."""
        return self._take(lambda fault: fault.kind in REQUEST_KINDS and _matches(fault.route, route, path))

    def strike_webhooks(self, kind: str) -> bool:
        """Tell whether a fault of this kind strikes the next delivery."""
        return self._take(lambda fault: fault.kind == kind) is not None

    def _take(self, is_meant: Callable[[Fault], bool]) -> Fault | None:
        for fault in self._waiting:
            if not is_meant(fault) or fault.times == 0:
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None

    def _is_place(self, route: str, kind: str) -> bool:
        if route == "*" or kind in WEBHOOK_KINDS:
            return route in {"*", "webhooks"} or _shape(route) in self._routes
        method, _, path = route.partition(" ")
        literal = [known for known in self._routes if re.fullmatch(_pattern(known), f"{method} {path}")]
        return _shape(route) in self._routes or bool(literal)


def _shape(route: str) -> str:
    return PLACEHOLDER.sub("{}", route)


def _pattern(shape: str) -> str:
    return "[^/]+".join(re.escape(piece) for piece in shape.split("{}"))


def _matches(wanted: str, route: str, path: str) -> bool:
    method = route.partition(" ")[0]
    return wanted == "*" or _shape(wanted) == _shape(route) or wanted == f"{method} {path}"


def _require_numbers(times: Any, skip: Any, details: Mapping[str, Any]) -> None:
    numbers: Dict[str, Any] = {"skip": skip, "times": 0 if times is None else times, **details}
    numbers.pop("body", None)
    for name, value in numbers.items():
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
        if not is_number and not (name == "retry_after" and value is None):
            raise ValueError(f"{name} must be a number of at least 0, not {value!r}.")

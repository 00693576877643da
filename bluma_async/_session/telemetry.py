"""
Report creates, waits, saves and retries to OpenTelemetry.

This module is loaded only if the option `telemetry` is set; nothing else of the SDK knows OpenTelemetry.

Rule 1: telemetry never disturbs a call. An exception of a provider is logged once, and the call goes on without it.
Rule 2: attributes are ids, words of the API and numbers. Texts of the caller or of errors, URLs and paths are not
recorded: they can hold a prompt or a secret.
Rule 3: there is one Telemetry for each pair of providers. Instruments cannot be removed, so those of each client would
add up.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from contextlib import contextmanager
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Coroutine,
    Dict,
    Generator,
    Iterable,
    List,
    Mapping,
    Protocol,
    Tuple,
    TypeVar,
    cast,
)

from bluma_async._runtime.clock import MACHINE_TIME
from bluma_async._runtime.log import logger, mask
from bluma_async._session.telemetry_names import METRICS
from bluma_async._version import __version__
from bluma_async._wire.checks import invalid
from bluma_async.errors import AmbiguousCreateError, APIError

try:
    from opentelemetry import context, metrics, trace
except ImportError as missing:
    raise invalid(
        "telemetry",
        'telemetry needs opentelemetry-api: pip install "bluma[telemetry]". Without it, leave the option out.',
    ) from missing

if TYPE_CHECKING:
    from bluma_async._session.evidence import CreateEvidence
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._wire.budget import RateLimit
    from bluma_async.errors import BlumaError

__all__ = ["Telemetry", "find_telemetry"]

T = TypeVar("T")
NAME = "bluma"
MOST_VIDEOS = 10_000  # whose creates are remembered
Attributes = Dict[str, Any]


class Account(Protocol):
    """What gauges read of a session."""

    evidence: CreateEvidence

    @property
    def rate_limit(self) -> RateLimit | None:
        """The budget of the key."""
        ...


class Operation:
    """A create, a wait or a save that is reported: its span, and the attributes of its duration and of the span."""

    def __init__(self, name: str, span: Any) -> None:
        self.span = span
        self.metric_attributes: Attributes = {"bluma.operation": name}
        self.span_attributes: Attributes = {}


class Telemetry:
    """The tracer and the instruments of one pair of providers, each of which may be None."""

    def __init__(self, tracers: Any, meters: Any) -> None:
        self.providers: Tuple[Any, Any] = (tracers, meters)
        self._has_failed = False
        self._sessions: weakref.WeakSet[Account] = weakref.WeakSet()
        self._creates: OrderedDict[str, Tuple[Any, int]] = OrderedDict()  # video id: context of the span, credits
        self._tracer: Any = self._call(tracers, "get_tracer", NAME, __version__)
        meter: Any = self._call(meters, "get_meter", NAME, __version__)
        self._instruments: Dict[str, Any] = {
            metric: self._make_instrument(meter, metric, *facts) for metric, facts in METRICS.items()
        }

    def watch(self, session: Account) -> None:
        """Report the budget and the open creates of a session, as long as it lives."""
        self._sessions.add(session)

    async def report_create(self, call: InFlightCall, work: Coroutine[Any, Any, T]) -> T:
        """Await a create that costs money, and report it."""
        with self._operation("create") as operation:
            if call.template_id is not None:
                operation.metric_attributes["bluma.template.id"] = call.template_id
            try:
                result = await work
            finally:
                operation.span_attributes["bluma.attempts"] = call.attempts
                operation.span_attributes["bluma.video.id"] = call.video_id
            self._note_create(operation, call, result)
        return result

    async def report(self, name: str, job_id: str, work: Coroutine[Any, Any, T]) -> T:
        """Await a wait or a save, and report it."""
        with self._operation(name, job_id) as operation:
            result = await work
            if name == "save":
                operation.span_attributes["bluma.file.size"] = result
            else:
                self._note_end(operation, job_id, result)
        return result

    def count_retry(self, method: str, error: BlumaError) -> None:
        """Count an attempt after the first one."""
        self._write("bluma.retries", "add", 1, {"http.request.method": method, **_describe(error)})

    @contextmanager
    def _operation(self, name: str, job_id: str | None = None) -> Generator[Operation, None, None]:
        """Report what happens in the block: its span is the current one, and its error is that of the span."""
        operation = Operation(name, self._start_span(name, job_id))
        operation.span_attributes["bluma.video.id"] = job_id
        began, token = MACHINE_TIME.now(), self._enter(operation.span)
        try:
            yield operation
        except BaseException as error:
            operation.metric_attributes.update(_describe(error))
            if isinstance(error, AmbiguousCreateError):
                self._write("bluma.creates.in_doubt", "add", 1, {})
            raise
        finally:
            if token is not None:
                self._call(context, "detach", token)
            seconds = MACHINE_TIME.now() - began
            self._write("bluma.operation.duration", "record", seconds, operation.metric_attributes)
            self._end_span(operation)

    def _start_span(self, name: str, job_id: str | None) -> Any:
        created = self._creates.get(job_id or "", (None, 0))[0]
        links = [] if created is None else [trace.Link(created)]
        return self._call(self._tracer, "start_span", f"bluma.{name}", kind=trace.SpanKind.CLIENT, links=links)

    def _enter(self, span: Any) -> Any:
        """Make a span the current one, so that spans of the HTTP client are below it; return the way back."""
        inner = None if span is None else self._call(trace, "set_span_in_context", span)
        return None if inner is None else self._call(context, "attach", inner)

    def _end_span(self, operation: Operation) -> None:
        attributes = {**operation.metric_attributes, **operation.span_attributes}
        known = {name: value for name, value in attributes.items() if value is not None}
        self._call(operation.span, "set_attributes", known)
        error = known.get("error.type")
        if error is not None:
            self._call(operation.span, "set_status", trace.Status(trace.StatusCode.ERROR, error))
        self._call(operation.span, "end")

    def _note_create(self, operation: Operation, call: InFlightCall, result: Any) -> None:
        """Note the video and the price of a create. A request by hand has raw JSON."""
        read = cast("Mapping[str, Any]", result).get if isinstance(result, dict) else partial(_read_field, result)
        job_id, charged = read("id"), read("credits_charged")
        price = charged if isinstance(charged, int) else 0
        if price:
            operation.span_attributes["bluma.credits.charged"] = price
            self._write("bluma.credits.charged", "add", price, {"bluma.template.id": call.template_id or ""})
        if isinstance(job_id, str):
            operation.span_attributes["bluma.video.id"] = job_id
            self._creates[job_id] = (self._call(operation.span, "get_span_context"), price)
            if len(self._creates) > MOST_VIDEOS:
                self._creates.popitem(last=False)

    def _note_end(self, operation: Operation, job_id: str, result: Any) -> None:
        """Note how a wait has ended, and the refund of a failed video: of several waits, the first counts it."""
        status = str(_read_field(result, "status") or _read_field(result, "state"))
        operation.metric_attributes["bluma.status"] = status
        charged = _read_field(result, "credits_charged")
        if status != "failed" or charged is None:
            return
        created, price = self._creates.get(job_id, (None, charged))
        self._creates[job_id] = (created, 0)
        if price:
            self._write("bluma.credits.refunded", "add", price, {})

    def _make_instrument(self, meter: Any, metric: str, kind: str, unit: str, description: str) -> Any:
        about = {"unit": unit, "description": description}
        if kind != "gauge":
            return self._call(meter, f"create_{kind}", metric, **about)
        observe = partial(self._observe, GAUGES[metric])
        return self._call(meter, "create_observable_gauge", metric, [observe], **about)

    def _observe(self, read: Callable[[Iterable[Account]], int | None], _: object) -> List[metrics.Observation]:
        value = read(list(self._sessions))
        return [] if value is None else [metrics.Observation(value)]

    def _write(self, metric: str, verb: str, amount: float, attributes: Attributes) -> None:
        self._call(self._instruments[metric], verb, amount, attributes)

    def _call(self, target: Any, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of a provider's, and return its result; None if it raises, or if there is no such object."""
        if target is None:
            return None
        try:
            return getattr(target, method)(*arguments, **options)
        except Exception as error:  # noqa: BLE001 - a provider may raise anything, and the call must go on
            if not self._has_failed:
                self._has_failed = True
                logger.warning(
                    "The provider of the option telemetry has raised %s in %s: %s. Calls go on without it.",
                    type(error).__name__,
                    method,
                    mask(str(error)),
                )
            return None


def find_telemetry(option: object) -> Telemetry:
    """
    Return the Telemetry of the option `telemetry`, which is not False.

    Args:
        option: True for the global providers, or a TracerProvider, a MeterProvider, or a tuple of both.
    """
    given: Tuple[Any, ...] = (trace, metrics) if option is True else cast("Tuple[Any, ...]", option)
    if option is not True and not isinstance(option, tuple):
        given = (option,)
    tracers = next((provider for provider in given if hasattr(provider, "get_tracer")), None)
    meters = next((provider for provider in given if hasattr(provider, "get_meter")), None)
    key = (id(tracers), id(meters))
    found = _by_providers.get(key)
    if found is None:
        found = _by_providers[key] = Telemetry(tracers, meters)
    return found


def _count_open(sessions: Iterable[Account]) -> int:
    found = {id(session.evidence): session.evidence for session in sessions}
    return sum(len(evidence.open_calls) for evidence in found.values())


def _find_remaining(sessions: Iterable[Account]) -> int | None:
    budgets = [session.rate_limit for session in sessions]
    return min((budget.remaining for budget in budgets if budget is not None), default=None)


def _read_field(result: object, name: str) -> Any:
    return getattr(result, name, None)


def _describe(error: BaseException) -> Attributes:
    """Return the attributes of an error. Its text can have a prompt, a URL or a path, and is left out."""
    known: Attributes = {"error.type": type(error).__name__}
    if isinstance(error, APIError):
        known["http.response.status_code"] = error.status
    return known


GAUGES: Mapping[str, Callable[[Iterable[Account]], int | None]] = {
    "bluma.creates.open": _count_open,
    "bluma.budget.remaining": _find_remaining,
}
# A Telemetry lives as long as a client, or as the provider that reads its gauges.
_by_providers: weakref.WeakValueDictionary[Tuple[int, int], Telemetry] = weakref.WeakValueDictionary()

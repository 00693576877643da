"""
Report creates, waits, saves and retries to OpenTelemetry.

This module is loaded only if the option `telemetry` is set; nothing else of the SDK knows OpenTelemetry.

Rule 1: telemetry never disturbs a call. Beside the work itself, everything runs in `_guard`, which raises nothing: not
even the CancelledError of a provider, because the result of a paid create would be lost with it. The class of the first
exception is logged; its text may fail too.
Rule 2: attributes are ids, words of the API and numbers. Texts of the caller or of errors, URLs and paths are not
recorded: they can hold a prompt or a secret. An argument is an id only if it looks like one.
Rule 3: there is one Telemetry for each pair of providers. Instruments cannot be removed, so those of each client would
add up.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncGenerator,
    Callable,
    Coroutine,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Set,
    Tuple,
    TypeVar,
    cast,
)

from bluma_async._runtime.clock import MACHINE_TIME
from bluma_async._runtime.log import logger
from bluma_async._session.telemetry_gauges import GAUGES, Account, Accounts
from bluma_async._session.telemetry_names import METRICS
from bluma_async._session.telemetry_values import describe, read_field, read_word
from bluma_async._version import __version__
from bluma_async._wire.checks import invalid
from bluma_async.errors import AmbiguousCreateError

try:
    from opentelemetry import context, metrics, trace
except ImportError as missing:
    raise invalid(
        "telemetry",
        'telemetry needs opentelemetry-api: pip install "bluma[telemetry]". Without it, leave the option out.',
    ) from missing

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.telemetry_values import Attributes
    from bluma_async.errors import BlumaError

__all__ = ["Telemetry", "find_telemetry"]

T = TypeVar("T")
NAME = "bluma"
MOST_VIDEOS = 10_000  # whose creates are remembered
MOST_TEMPLATES = 1_000  # that are recorded: each is an attribute of metrics, which are kept apart for each value


class Operation:
    """A create, a wait or a save that is reported: its span, and the attributes of its duration and of the span."""

    def __init__(self, name: str, span: Any) -> None:
        self.span = span
        self.metric_attributes: Attributes = {"bluma.operation": name}
        self.span_attributes: Attributes = {}
        self.began: float = MACHINE_TIME.now()
        self.token: Any = None  # the way back to the span that was the current one before


Note = Callable[[Operation, Optional[T]], None]  # notes the result of an operation; None if it has failed


class Telemetry:
    """The tracer and the instruments of one pair of providers, each of which may be None."""

    def __init__(self, tracers: Any, meters: Any) -> None:
        self.providers: Tuple[Any, Any] = (tracers, meters)
        self._has_failed = False
        self._accounts = Accounts()
        self._templates: Set[str] = set()
        self._creates: OrderedDict[str, Tuple[Any, int]] = OrderedDict()  # video id: context of the span, credits
        self._tracer: Any = self._call(tracers, "get_tracer", NAME, __version__)
        meter: Any = self._call(meters, "get_meter", NAME, __version__)
        self._instruments: Dict[str, Any] = {
            metric: self._make_instrument(meter, metric, *facts) for metric, facts in METRICS.items()
        }

    def watch(self, session: Account) -> None:
        """Report the budget and the open creates of a session, as long as it lives."""
        self._accounts.add(session)

    async def report_create(self, call: InFlightCall, work: Coroutine[Any, Any, T]) -> T:
        """Await a create that costs money, and report it."""
        return await self._report("create", None, work, partial(self._note_create, call))

    async def report(self, name: str, job_id: str, work: Coroutine[Any, Any, T]) -> T:
        """Await a wait or a save, and report it."""
        note: Note[Any] = self._note_save if name == "save" else partial(self._note_end, job_id)
        return await self._report(name, job_id, work, note)

    async def report_states(self, job_id: str, states: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """
        Yield the states of a wait, and report it when they end, or when the consumer needs no more of them.

        Its span is not the current one, because code of the consumer runs between two states.
        """
        operation = self._guard("wait", partial(self._begin, "wait", job_id, is_current=False))
        note: Note[T] = partial(self._note_end, job_id)
        last: T | None = None
        try:
            with suppress(GeneratorExit):
                async for last in states:
                    yield last
        except BaseException as error:
            self._guard("wait", partial(self._end, operation, note, None, error))
            raise
        finally:
            await states.aclose()
        self._guard("wait", partial(self._end, operation, note, last, None))

    def count_retry(self, method: str, error: BlumaError) -> None:
        """Count an attempt after the first one."""
        self._write("bluma.retries", "add", 1, {"http.request.method": method, **describe(error)})

    async def _report(self, name: str, job_id: str | None, work: Coroutine[Any, Any, T], note: Note[T]) -> T:
        """Await the work of an operation: its span is the current one, and an error of the work is that of the span."""
        operation = self._guard(name, partial(self._begin, name, job_id))
        try:
            result = await work
        except BaseException as error:
            self._guard(name, partial(self._end, operation, note, None, error))
            raise
        self._guard(name, partial(self._end, operation, note, result, None))
        return result

    def _begin(self, name: str, job_id: str | None, *, is_current: bool = True) -> Operation:
        operation = Operation(name, self._start_span(name, job_id))
        operation.span_attributes["bluma.video.id"] = read_word(job_id)
        operation.token = self._enter(operation.span) if is_current else None
        return operation

    def _end(self, operation: Operation | None, note: Note[T], result: T | None, error: BaseException | None) -> None:
        if operation is None:
            return
        if operation.token is not None:
            self._call(context, "detach", operation.token)
        if error is not None:
            operation.metric_attributes.update(describe(error))
        if isinstance(error, AmbiguousCreateError):
            self._write("bluma.creates.in_doubt", "add", 1, {})
        self._guard("the report of a result", partial(note, operation, result))
        seconds = MACHINE_TIME.now() - operation.began
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

    def _note_create(self, call: InFlightCall, operation: Operation, result: Any) -> None:
        """Note the template, the video and the price of a create. A request by hand has raw JSON."""
        template = self._admit_template(call.template_id)
        if template is not None:
            operation.metric_attributes["bluma.template.id"] = template
        read = cast("Mapping[str, Any]", result).get if isinstance(result, dict) else partial(read_field, result)
        job_id, charged = read_word(read("id") or call.video_id), read("credits_charged")
        operation.span_attributes.update({"bluma.attempts": call.attempts, "bluma.video.id": job_id})
        price = charged if isinstance(charged, int) else 0
        if price:
            operation.span_attributes["bluma.credits.charged"] = price
            self._write("bluma.credits.charged", "add", price, {"bluma.template.id": template or ""})
        if job_id is not None and result is not None:
            self._remember(job_id, self._call(operation.span, "get_span_context"), price)

    def _note_save(self, operation: Operation, result: Any) -> None:
        operation.span_attributes["bluma.file.size"] = result

    def _note_end(self, job_id: str, operation: Operation, result: Any) -> None:
        """Note how a wait has ended, and the refund of a failed video: of several waits, the first counts it."""
        if result is None:
            return
        status = read_word(str(read_field(result, "status") or read_field(result, "state")))
        operation.metric_attributes["bluma.status"] = status or "unknown"
        charged = read_field(result, "credits_charged")
        if status != "failed" or charged is None:
            return
        created, price = self._creates.get(job_id, (None, charged))
        self._remember(job_id, created, 0)
        if price:
            self._write("bluma.credits.refunded", "add", price, {})

    def _remember(self, job_id: str, span: Any, price: int) -> None:
        """Remember the span of a create, and the credits that a refund would give back."""
        self._creates[job_id] = (span, price)
        while len(self._creates) > MOST_VIDEOS:
            self._creates.popitem(last=False)

    def _admit_template(self, template_id: object) -> str | None:
        """Return a template's id if it may be recorded."""
        template = read_word(template_id)
        if template is not None and len(self._templates) < MOST_TEMPLATES:
            self._templates.add(template)
        return template if template in self._templates else None

    def _make_instrument(self, meter: Any, metric: str, kind: str, unit: str, description: str) -> Any:
        about = {"unit": unit, "description": description}
        if kind != "gauge":
            return self._call(meter, f"create_{kind}", metric, **about)
        observe = partial(self._observe, GAUGES[metric])
        return self._call(meter, "create_observable_gauge", metric, [observe], **about)

    def _observe(self, read: Callable[[Iterable[Account]], int | None], _: object) -> List[metrics.Observation]:
        return self._guard("a gauge", partial(self._read_gauge, read)) or []

    def _read_gauge(self, read: Callable[[Iterable[Account]], int | None]) -> List[metrics.Observation]:
        value = read(self._accounts.list())
        return [] if value is None else [metrics.Observation(value)]

    def _write(self, metric: str, verb: str, amount: float, attributes: Attributes) -> None:
        self._call(self._instruments[metric], verb, amount, attributes)

    def _call(self, target: Any, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of a provider's, and return its result; None if it raises, or if there is no such object."""
        if target is None:
            return None
        return self._guard(method, lambda: getattr(target, method)(*arguments, **options))

    def _guard(self, where: str, work: Callable[[], T]) -> T | None:
        """
        Return the result of a function that is not part of the call; None if it raises.

        In the main thread, Ctrl-C and the exit of a signal's handler may arrive here, and go on.
        """
        try:
            return work()
        except BaseException as error:
            is_main = threading.current_thread() is threading.main_thread()
            if isinstance(error, (KeyboardInterrupt, SystemExit)) and is_main:
                raise
            self._log_once(type(error).__name__, where)
            return None

    def _log_once(self, kind: str, where: str) -> None:
        if self._has_failed:
            return
        self._has_failed = True
        with suppress(Exception):  # a filter of the log may raise, too
            logger.warning("The option telemetry: %s in %s of the provider. Calls go on without it.", kind, where)


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


# A Telemetry lives as long as a client, or as the provider that reads its gauges.
_by_providers: weakref.WeakValueDictionary[Tuple[int, int], Telemetry] = weakref.WeakValueDictionary()

"""Telemetry: spans and metrics of creates, waits, saves and retries, and that they never disturb a call."""

from __future__ import annotations

import asyncio
import logging
import pickle
import re
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bluma import AsyncBluma, Bluma, Luma
from bluma.errors import (
    AmbiguousCreateError,
    BlumaError,
    ForbiddenError,
    InsufficientCreditsError,
    InvalidArgumentError,
    ValidationError,
)
from bluma.testing import Sandbox
from bluma_async._session.telemetry import Telemetry, find_telemetry
from bluma_async._session.telemetry_gauges import Accounts
from bluma_async._session.telemetry_names import ATTRIBUTES, METRICS, SPANS
from bluma_async.types import Video, VideoStatus

ROOT = Path(__file__).resolve().parents[2]
PROMPT = {"prompt": "a very private prompt"}
TEMPLATE = "ugc-text-overlay"
OFF = """
import asyncio, sys
from bluma.testing import serve_sandbox
from bluma import Bluma
with serve_sandbox(), Bluma() as client:
    client.videos.wait_for(client.videos.create({"prompt": "x"}, "ugc-text-overlay"))
print([name for name in sys.modules if "telemetry" in name])
"""
MISSING = """
import sys
sys.modules["opentelemetry"] = None  # an import of it raises ImportError
from bluma import AsyncBluma
AsyncBluma("bluma_test_key")
try:
    AsyncBluma("bluma_test_key", telemetry=True)
except ValueError as error:
    print(type(error).__name__, error)
"""


class Collected:
    """The providers of one test, and what they have exported."""

    def __init__(self) -> None:
        self._exporter, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers, self.meters = TracerProvider(), MeterProvider([self._reader])
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.option: Any = (self.tracers, self.meters)

    @property
    def spans(self) -> List[Any]:
        return list(self._exporter.get_finished_spans())

    def metrics(self) -> Dict[str, List[Any]]:
        """Return the points of each metric."""
        data: Any = self._reader.get_metrics_data()
        found = [metric for resource in data.resource_metrics for scope in resource.scope_metrics
                 for metric in scope.metrics]  # fmt: skip
        return {metric.name: list(metric.data.data_points) for metric in found}

    def total(self, metric: str) -> float:
        """Return the sum of a metric over its attributes."""
        return sum(point.value for point in self.metrics().get(metric, ()))

    def close(self) -> None:
        self.tracers.shutdown()
        self.meters.shutdown()


@pytest.fixture
def collected() -> Iterator[Collected]:
    """Give providers that keep what they get."""
    made = Collected()
    yield made
    made.close()


@pytest.fixture
def client(bluma_sandbox: Sandbox, collected: Collected) -> Iterator[Bluma]:
    """Give a blocking client that reports."""
    with Bluma(telemetry=collected.option) as made:
        yield made


def test_create_wait_and_save_are_linked_spans(client: Bluma, collected: Collected, tmp_path: Path) -> None:
    """All three name the video; the last two have a link to the create, and are below the caller's span."""
    with collected.tracers.get_tracer("caller").start_as_current_span("caller"):
        video = client.videos.create(PROMPT, TEMPLATE)
        client.videos.wait_for(video)
        size = client.videos.save(video.id, tmp_path / "sky.mp4")

    create, wait, save, caller = collected.spans
    assert [span.name for span in (create, wait, save)] == list(SPANS)
    assert [span.parent.span_id for span in (create, wait, save)] == [caller.context.span_id] * 3
    assert [[link.context for link in span.links] for span in (wait, save)] == [[create.context]] * 2
    assert dict(create.attributes) == {
        "bluma.operation": "create", "bluma.template.id": TEMPLATE, "bluma.attempts": 0, "bluma.video.id": video.id,
        "bluma.credits.charged": 2,
    }  # fmt: skip
    assert dict(wait.attributes) == {
        "bluma.operation": "wait", "bluma.video.id": video.id, "bluma.status": "completed"
    }  # fmt: skip
    assert dict(save.attributes) == {
        "bluma.operation": "save", "bluma.video.id": video.id, "bluma.file.size": size
    }  # fmt: skip


def test_metrics_of_a_finished_video(client: Bluma, collected: Collected) -> None:
    """Durations by operation, in the client's time; credits by template; the budget of the newest answer."""
    video = client.videos.create(PROMPT, TEMPLATE)
    client.videos.wait_for(video)

    metrics = collected.metrics()
    durations = {point.attributes["bluma.operation"]: point for point in metrics["bluma.operation.duration"]}
    assert set(durations) == {"create", "wait"}
    assert durations["wait"].sum >= 100
    (charged,) = metrics["bluma.credits.charged"]
    assert (charged.value, dict(charged.attributes)) == (2, {"bluma.template.id": TEMPLATE})
    assert [point.value for point in metrics["bluma.budget.remaining"]] == [client.rate_limit.remaining]
    assert [point.value for point in metrics["bluma.creates.open"]] == [0]


@pytest.mark.parametrize(
    ("fault", "mode", "posts"),
    [("drop_after", "reconcile", 1), ("drop_before", "reconcile", 2), ("drop_after", "retry", 2)],
)
def test_a_create_that_was_not_sent_again_is_no_retry(
    bluma_sandbox: Sandbox, collected: Collected, fault: str, mode: Any, posts: int
) -> None:
    """The counter is the number of requests after the first one: a search that finds the video is none."""
    bluma_sandbox.faults.add("POST /videos", fault)
    searches: List[bool] = []
    with Bluma(
        telemetry=collected.option, on_ambiguous=mode, on_retry=lambda retry: searches.append(retry.is_search)
    ) as client, suppress(AmbiguousCreateError):
        client.videos.create(PROMPT, TEMPLATE)

    sent = [request for request in bluma_sandbox.requests if request.method == "POST"]
    assert (len(sent), collected.total("bluma.retries")) == (posts, posts - 1)
    assert searches == [mode == "reconcile"]


@pytest.mark.bluma_fault("GET /templates", "status", status=503, times=2)
def test_retries_are_counted(client: Bluma, collected: Collected) -> None:
    """By method and kind of failure, also those of calls that have no span."""
    client.templates.list()

    (point,) = collected.metrics()["bluma.retries"]
    assert point.value == 2
    assert dict(point.attributes) == {
        "http.request.method": "GET", "error.type": "ServerError", "http.response.status_code": 503
    }  # fmt: skip


def test_a_refund_is_counted_once(client: Bluma, collected: Collected) -> None:
    """However many waits see the failed video."""
    video = client.videos.create({"prompt": "[fail]"}, TEMPLATE)
    for _ in range(3):
        client.videos.wait_for(video)

    assert collected.total("bluma.credits.charged") == collected.total("bluma.credits.refunded") == 2
    assert [span.attributes["bluma.status"] for span in collected.spans[1:]] == ["failed"] * 3


async def test_the_events_of_a_job_are_a_wait(bluma_sandbox: Sandbox, collected: Collected) -> None:
    """They have the span, the status and the refund of a wait; the code of the consumer has its own current span."""
    async with AsyncBluma(telemetry=collected.option) as client:
        job = await client.videos.start({"prompt": "x [fail]"}, TEMPLATE)
        outside = trace.get_current_span()
        current = [trace.get_current_span() async for _ in job.events()]
        await job.wait()

    create, events, wait = collected.spans
    assert (events.name, events.links[0].context) == ("bluma.wait", create.context)
    assert events.attributes == {**wait.attributes, "bluma.status": "failed"}
    assert collected.total("bluma.credits.refunded") == 2
    assert set(current) == {outside}


async def test_events_that_end_early(bluma_sandbox: Sandbox, collected: Collected) -> None:
    """A consumer that needs no more of them is no error, and a refusal of the API is one."""
    async with AsyncBluma(telemetry=collected.option) as client:
        job = await client.videos.start(PROMPT, TEMPLATE)
        states: Any = job.events()
        await states.__anext__()
        await states.aclose()
        bluma_sandbox.faults.add("GET /videos/{id}", "status", status=403, times=None)
        with suppress(ForbiddenError):
            await job.events().__anext__()

    _, left, refused = collected.spans
    assert (left.attributes["bluma.status"], left.attributes.get("error.type")) == ("queued", None)
    assert (refused.attributes.get("bluma.status"), refused.attributes["error.type"]) == (None, "ForbiddenError")


@pytest.mark.bluma_fault("POST /videos", "drop_after")
def test_a_create_in_doubt_is_counted_and_open(client: Bluma, collected: Collected) -> None:
    """Until it is settled or the account's last client is gone."""
    with pytest.raises(AmbiguousCreateError):
        client.videos.create(PROMPT, TEMPLATE)

    (span,) = collected.spans
    assert (span.attributes["error.type"], span.status.description) == ("AmbiguousCreateError", "AmbiguousCreateError")
    assert collected.total("bluma.creates.in_doubt") == collected.total("bluma.creates.open") == 1


@pytest.mark.bluma_settings(credits=0)
def test_an_error_is_an_attribute_of_span_and_duration(client: Bluma, collected: Collected) -> None:
    """Its class and status; not its text."""
    with pytest.raises(InsufficientCreditsError):
        client.videos.create(PROMPT, TEMPLATE)

    (span,) = collected.spans
    expected = {"error.type": "InsufficientCreditsError", "http.response.status_code": 402}
    assert expected.items() <= dict(span.attributes).items()
    assert expected.items() <= dict(collected.metrics()["bluma.operation.duration"][0].attributes).items()
    assert span.events == ()


async def test_the_async_client_and_its_batches(bluma_sandbox: Sandbox, collected: Collected, tmp_path: Path) -> None:
    """Jobs are created, waited for and saved like other videos."""
    jobs = [{"template_id": TEMPLATE, "prompt": f"Number {number}"} for number in range(3)]
    async with AsyncBluma(telemetry=collected.option) as client:
        results = [result async for result in client.batch(out=tmp_path).run(jobs)]

    assert sorted(span.name for span in collected.spans) == sorted([*SPANS] * 3)
    assert {span.attributes["bluma.video.id"] for span in collected.spans} == {result.video_id for result in results}
    assert collected.total("bluma.credits.charged") == 6


def test_a_request_by_hand_is_a_create_too(client: Bluma, collected: Collected) -> None:
    """Its raw JSON names the video and the price."""
    made = client.request("POST", "/videos", json={"template_id": TEMPLATE, "context": PROMPT})

    (span,) = collected.spans
    assert span.attributes["bluma.video.id"] == made["id"]
    assert collected.total("bluma.credits.charged") == 2


def test_generations_of_luma(bluma_sandbox: Sandbox, collected: Collected, tmp_path: Path) -> None:
    """The same spans; the state is the status."""
    with Luma("umami", telemetry=collected.option) as luma:
        made = luma.generations.create("Flying jellyfish", aspect_ratio="16:9", expand_prompt=True)
        done = luma.generations.wait_for(made.id)
        luma.generations.save(done, tmp_path / "jellyfish.mp4")

    create, wait, save = collected.spans
    assert [span.name for span in (create, wait, save)] == list(SPANS)
    assert {span.attributes["bluma.video.id"] for span in (create, wait, save)} == {made.id}
    assert wait.attributes["bluma.status"] == "succeeded"


@pytest.mark.bluma_fault("POST /videos", "drop_after")
def test_no_prompt_and_no_secret_is_recorded(client: Bluma, collected: Collected, tmp_path: Path) -> None:
    """Of a lost create, a failed one, a finished video and its file; and every name is in the tables."""
    video = client.with_options(exclusive=True).videos.create(PROMPT, TEMPLATE)
    client.videos.wait_for(video)
    client.videos.save(video, tmp_path / "private-name.mp4")
    with pytest.raises(InvalidArgumentError):
        client.videos.save(video, tmp_path / "private-name.mp4")
    client.videos.wait_for(client.videos.create({"prompt": "private [fail]"}, TEMPLATE, options={"resolution": "4k"}))

    metrics = collected.metrics()
    points = [point for each in metrics.values() for point in each]
    text = "".join([span.to_json() for span in collected.spans] + [str(point.attributes) for point in points])
    assert not re.search(r"private|bluma_live|127\.0\.0\.1|http://", text)
    names = {name for each in (*collected.spans, *points) for name in each.attributes}
    assert names <= set(ATTRIBUTES)
    assert set(metrics) <= set(METRICS)


class Broken:
    """A provider, tracer, span, meter and instrument whose methods work until the one that raises."""

    def __init__(self, culprit: str, error: Optional[BaseException] = None) -> None:
        self._culprit = culprit
        self._error = error or ZeroDivisionError("the provider's own error, with bluma_live_secretsecretsecret")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def method(*_: Any, **__: Any) -> Any:
            if name == self._culprit:
                raise self._error
            return self

        return method


METHODS = (
    "get_tracer", "start_span", "get_span_context", "set_attributes", "set_status", "end", "get_meter",
    "create_counter", "create_histogram", "create_observable_gauge", "add", "record", "no method",
)  # fmt: skip


@pytest.mark.parametrize("culprit", METHODS)
@pytest.mark.bluma_fault("POST /videos", "status", status=503)
def test_a_provider_that_raises_does_not_disturb(
    bluma_sandbox: Sandbox, culprit: str, caplog: pytest.LogCaptureFixture, assert_billed: Any
) -> None:
    """A create with a retry, a wait, and a create that fails go on as without telemetry. There is one warning."""
    broken = Broken(culprit)
    with caplog.at_level(logging.WARNING, "bluma"), Bluma(telemetry=(broken, broken)) as client:
        done = client.videos.wait_for(client.videos.create(PROMPT, TEMPLATE))
        with pytest.raises(Exception, match="id of a template"):
            client.videos.create(PROMPT, "no_such_template")

    assert done.status == "completed"
    assert_billed(1)
    warnings = [record.getMessage() for record in caplog.records if "telemetry" in record.getMessage()]
    assert len(warnings) == (culprit != "no method")
    assert all(culprit in text and "ZeroDivisionError" in text and "secretsecret" not in text for text in warnings)


class WithoutText(Exception):  # noqa: N818 - not an error of ours
    """An exception whose text cannot be read."""

    def __str__(self) -> str:
        raise LookupError("no text")


ODD_ERRORS = [WithoutText(), asyncio.CancelledError(), GeneratorExit(), RecursionError()]


@pytest.mark.parametrize("error", ODD_ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("culprit", ["get_tracer", "start_span", "get_span_context", "set_attributes", "end", "add"])
async def test_no_exception_of_a_provider_loses_a_video(
    bluma_sandbox: Sandbox, culprit: str, error: BaseException, caplog: pytest.LogCaptureFixture, assert_billed: Any
) -> None:
    """A paid create returns its video, and a failed one its own error, whatever the provider raises."""
    broken = Broken(culprit, error)
    with caplog.at_level(logging.WARNING, "bluma"):
        async with AsyncBluma(telemetry=(broken, broken)) as client:
            video = await client.videos.create(PROMPT, TEMPLATE)
            with pytest.raises(ValidationError):
                await client.videos.create(PROMPT, "no_such_template")

    assert video.status == "queued"
    assert_billed(1)
    warnings = [record.getMessage() for record in caplog.records if "telemetry" in record.getMessage()]
    assert len(warnings) == 1
    assert type(error).__name__ in warnings[0]


def test_an_exit_of_the_program_goes_on(bluma_sandbox: Sandbox) -> None:
    """In the main thread, the handler of a signal may raise inside of a call to a provider."""
    with pytest.raises(SystemExit):
        Bluma(telemetry=(Broken("get_tracer", SystemExit(3)),))


def test_a_log_that_raises_loses_no_video(bluma_sandbox: Sandbox, assert_billed: Any) -> None:
    """A filter of the program may fail on the warning."""

    def fail(record: logging.LogRecord) -> bool:
        if "telemetry" in record.getMessage():
            raise ZeroDivisionError
        return True

    logger = logging.getLogger("bluma")
    logger.addFilter(fail)
    try:
        with Bluma(telemetry=(Broken("get_tracer"),)) as client:
            client.videos.create(PROMPT, TEMPLATE)
    finally:
        logger.removeFilter(fail)

    assert_billed(1)


def test_texts_of_the_caller_are_no_ids(client: Bluma, collected: Collected) -> None:
    """What does not look like an id is left out of spans and metrics: it can be a link, or a prompt."""
    for text in ("https://x/?sig=SECRET", "a SECRET text", "SECRET" * 20, "SECRET\n"):
        with pytest.raises(BlumaError):
            client.videos.wait_for(text)
        with pytest.raises(BlumaError):
            client.videos.create(PROMPT, text)

    points = [point.attributes for each in collected.metrics().values() for point in each]
    assert "SECRET" not in "".join([span.to_json() for span in collected.spans] + [str(each) for each in points])
    assert len(collected.spans) > 0


def test_what_is_remembered_is_bounded() -> None:
    """Of a program that runs for years: the creates of 10,000 videos, and a thousand templates."""
    telemetry = Telemetry(None, None)

    async def end_waits() -> None:
        for number in range(10_050):
            await telemetry.report("wait", f"batch_{number}", _fail_video(number))

    asyncio.run(end_waits())
    admitted = [telemetry._admit_template(f"template-{number}") for number in range(1_100)]

    assert len(telemetry._creates) == 10_000
    assert len([template for template in admitted if template is not None]) == 1_000


async def _fail_video(number: int) -> Video:
    return Video(id=f"batch_{number}", status=VideoStatus.FAILED, credits_charged=2)


def test_gauges_are_read_while_clients_are_made() -> None:
    """The reader has a thread of its own; a set that changes while it is read would raise there."""
    accounts, kept, reads = Accounts(), [_Account() for _ in range(20_000)], 0
    adding = threading.Thread(target=lambda: [accounts.add(each) for each in kept])
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        adding.start()
        while adding.is_alive():
            accounts.list()
            reads += 1
        adding.join()
    finally:
        sys.setswitchinterval(interval)

    assert len(accounts.list()) == len(kept)
    assert reads > 0


class _Account:
    """A session without budget and creates."""

    evidence: Any = None
    rate_limit: Any = None


def test_one_of_two_providers_is_enough(bluma_sandbox: Sandbox, collected: Collected) -> None:
    """Spans alone, or metrics alone."""
    for option in (collected.tracers, collected.meters):
        with Bluma(telemetry=option) as client:
            client.videos.create(PROMPT, TEMPLATE)

    assert len(collected.spans) == 1
    assert collected.total("bluma.credits.charged") == 2


def test_the_global_providers(bluma_sandbox: Sandbox, collected: Collected) -> None:
    """Without global providers, OpenTelemetry does nothing, and calls work; other providers get no span."""
    with Bluma(telemetry=True) as client:
        video = client.videos.create(PROMPT, TEMPLATE)

    assert [create["video_id"] for create in bluma_sandbox.creates] == [video.id]
    assert collected.spans == []


def test_clients_of_one_provider_share_instruments(collected: Collected) -> None:
    """Instruments cannot be removed: a thousand clients have those of one."""
    clients = [AsyncBluma("bluma_test_key", telemetry=collected.option) for _ in range(3)]

    assert len({id(client._session.shared.telemetry) for client in clients}) == 1
    assert clients[0]._session.shared.telemetry is find_telemetry(collected.option)


@pytest.mark.parametrize("value", [1, "yes", object(), (), (object(),), [], None])
def test_other_values_are_refused(value: Any) -> None:
    """The error names what there is."""
    with pytest.raises(InvalidArgumentError, match="TracerProvider, a MeterProvider, or a tuple of both"):
        AsyncBluma("bluma_test_key", telemetry=value)


def test_a_pickled_client(monkeypatch: pytest.MonkeyPatch, collected: Collected) -> None:
    """True stays; providers are objects of this process."""
    monkeypatch.setenv("BLUMA_API_KEY", "bluma_test_key")
    options = (True, collected.option)
    kept, dropped = (pickle.loads(pickle.dumps(AsyncBluma("bluma_test_key", telemetry=option))) for option in options)

    assert kept._session.shared.telemetry is find_telemetry(True)
    assert dropped._session.shared.telemetry is None


def test_nothing_is_loaded_without_the_option() -> None:
    """Neither OpenTelemetry nor the module that uses it."""
    assert _run(OFF) == "[]"


def test_without_the_package_the_option_is_refused() -> None:
    """Clients without the option work; the error has the command that installs it."""
    assert _run(MISSING).startswith("InvalidArgumentError telemetry needs opentelemetry-api: pip install")


def test_the_documentation_has_every_name() -> None:
    """docs/telemetry.md has the tables of the code."""
    rows = re.findall(r"^\| `([\w.]+)` \| (.+) \|$", (ROOT / "docs" / "telemetry.md").read_text(), flags=re.MULTILINE)

    metrics = {name: " | ".join(facts) for name, facts in METRICS.items()}
    assert dict(rows) == {**SPANS, **metrics, **ATTRIBUTES}


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()

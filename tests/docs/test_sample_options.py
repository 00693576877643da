"""The samples of the documentation that set options of the client: configuration, retries, headers."""

from __future__ import annotations

from typing import List

import pytest

from bluma import Bluma
from bluma.errors import RateLimitError, ServerError, ValidationError
from bluma_async.sandbox import Sandbox
from tests.docs.sample_code import run_sample


def test_configurations_of_the_samples(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Items 6, 8 and 9: options are keywords or come from a dict; the environment selects the configuration."""
    basic = run_sample("basic_configuration", sandbox)["bluma"]
    test = run_sample("environment_configuration", sandbox)["bluma"]
    monkeypatch.setenv("ENVIRONMENT", "production")
    live = run_sample("environment_configuration", sandbox)["bluma"]

    options = [client._async._session.options for client in (basic, test, live)]
    assert [option.timeout for option in options] == [30, 60, 30]
    assert [option.api_key for option in options] == [sandbox.live_key, sandbox.test_key, sandbox.live_key]


def test_custom_retries_of_the_samples(sandbox: Sandbox) -> None:
    """Items 109 to 111: a 429 is retried after 1, 2, 4, 8 and 10 s, a 500 after 1, 2 and 4 s, a 400 never."""
    names = run_sample("custom_retries", sandbox)
    slept: List[float] = []

    class Clock:
        def now(self) -> float:
            return sum(slept)

        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)

    callbacks = {name: names[name] for name in ("should_retry", "calculate_retry_delay")}
    expected = {429: (RateLimitError, [1, 2, 4, 8, 10]), 400: (ValidationError, []), 500: (ServerError, [1, 2, 4])}
    with Bluma(clock=Clock(), **callbacks) as client:
        for status, (error, pauses) in expected.items():
            slept.clear()
            sandbox.faults.add("GET /templates", "status", times=len(pauses) + 1, status=status)
            with pytest.raises(error):
                client.templates.list()
            assert slept == pauses


def test_default_retries_of_the_samples(sandbox: Sandbox) -> None:
    """Items 105, 108 and 112: four requests with pauses of 1, 2 and 4 s, then the last error is raised."""
    options = run_sample("automatic_retries", sandbox)["bluma"]._async._session.options
    shown = options.max_retries, options.retry_delay, options.retry_multiplier
    sandbox.faults.add("GET /templates", "status", times=4, status=500)
    slept: List[float] = []

    class Clock:
        def now(self) -> float:
            return 0.0

        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)

    with Bluma(clock=Clock()) as client, pytest.raises(ServerError) as raised:
        client.templates.list()

    assert (shown, slept, raised.value.attempts) == ((3, 1.0, 2.0), [1, 2, 4], 4)


def test_headers_of_the_samples(sandbox: Sandbox) -> None:
    """Item 13: the caller's User-Agent replaces the SDK's."""
    options = run_sample("custom_headers", sandbox)["bluma"]._async._session.options

    assert options.default_headers == {"User-Agent": "MyApp/1.0", "X-Custom-Header": "value"}

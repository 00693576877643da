"""
The pytest plugin: fixtures with a sandbox, and markers for its faults and settings.

Rule 1: pytest imports this module in every project of an environment in which the SDK is installed, so it imports
nothing but pytest. A fixture loads what it needs when a test asks for it.
Rule 2: environment, clock, state folder and the port of the environment belong to a test, also where its sandbox serves
the whole session. A test without one of the fixtures sees the machine's own.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Generator, Iterator

import pytest

if TYPE_CHECKING:
    from bluma import AsyncBluma, Bluma
    from bluma_async.sandbox import Sandbox
    from bluma_testing.bills import BillCheck

__all__ = [
    "assert_billed", "async_bluma_client", "bluma_client", "bluma_sandbox", "bluma_session_sandbox",
    "bluma_session_server",
]  # fmt: skip

SANDBOX, SESSION_SANDBOX = "bluma_sandbox", "bluma_session_sandbox"
USERS = {SANDBOX, SESSION_SANDBOX, "bluma_client", "async_bluma_client", "assert_billed"}  # of a sandbox
MARKERS = (
    "bluma_fault(route, kind, **options): inject a fault into the requests of this test, as `Sandbox.faults.add` does",
    "bluma_settings(**settings): the settings of this test's `bluma_sandbox`, such as credits=0",
)
INI_HELP = (
    "Set BLUMA_API_KEY, BLUMA_BASE_URL and BLUMA_WEBHOOK_SECRET before tests are collected, so that modules may make "
    "clients when they are imported. The sandboxes of the tests are served at this URL."
)


class _Serving:
    """
    The sandboxes of the test, by their fixtures.

    Attributes:
        port: The port that the environment names from the start; 0 if it names none.
        state_folder: The state folder that it names from the start, also for programs in other processes; else empty.
        session_use: What the test has set for the sandbox of the session, while that is the one in use.
    """

    sandboxes: ClassVar[dict[str, Sandbox]] = {}
    session_use: ClassVar[ExitStack] = ExitStack()
    port: int = 0
    state_folder: str = ""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting of pytest's ini file."""
    parser.addini("bluma_environment", INI_HELP, type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; set the environment, if the ini file demands it."""
    for line in MARKERS:
        config.addinivalue_line("markers", line)
    if config.getini("bluma_environment"):
        _set_environment(config)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker without the fixture that it needs: it would have no effect."""
    names = USERS & set(getattr(item, "fixturenames", ()))
    if item.get_closest_marker("bluma_fault") is not None and not names:
        pytest.fail(f"The marker bluma_fault needs one of the fixtures {', '.join(sorted(USERS))}.", pytrace=False)
    if item.get_closest_marker("bluma_settings") is not None and (not names or _choose(names) != SANDBOX):
        pytest.fail("The marker bluma_settings needs the fixture bluma_sandbox: it makes a new one.", pytrace=False)


def pytest_runtest_call(item: pytest.Item) -> None:
    """Add the faults of a test when its fixtures are ready, so that it is the test that meets them."""
    for marker in reversed(list(item.iter_markers("bluma_fault"))):
        _add_fault(_Serving.sandboxes[_choose(_Serving.sandboxes)], marker)


def pytest_runtest_teardown() -> None:
    """
    Remove the faults that are left, those of markers and those that the test has added.

    They are neither for the end of fixtures nor for the next test with the sandbox of the session.
    """
    for sandbox in _Serving.sandboxes.values():
        sandbox.faults.clear()


@pytest.fixture
def bluma_sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """
    Give this test a new sandbox. Environment variables name it, and the waits of the SDK are instant.

    The settings are those of the marker `bluma_settings`.
    """
    _Serving.session_use.close()  # the test may have asked for that sandbox first; this one takes its port
    with _serve(request.node) as sandbox, _shown(SANDBOX, sandbox):
        yield sandbox


@pytest.fixture(scope="session")
def bluma_session_server() -> Iterator[Sandbox]:
    """
    Give the sandbox of `bluma_session_sandbox` to fixtures of a wider scope, which prepare its account.

    Neither the environment nor the clock is set: make clients with its `live_key` and `base_url`, and move its time
    with `advance`.
    """
    from bluma_async.sandbox import Sandbox  # noqa: PLC0415 - see rule 1 of this module

    with Sandbox(clock="manual", render=False) as sandbox:
        yield sandbox


@pytest.fixture
def bluma_session_sandbox(request: pytest.FixtureRequest, bluma_session_server: Sandbox) -> Iterator[Sandbox]:
    """
    Give all tests that use this fixture one sandbox; its videos and credits stay from test to test.

    During each of these tests environment variables name it, and the waits of the SDK are instant, unless the test has
    a sandbox of its own too.
    """
    from bluma_testing.serving import in_use  # noqa: PLC0415 - see rule 1 of this module

    with ExitStack() as use, _shown(SESSION_SANDBOX, bluma_session_server):
        if SANDBOX not in request.fixturenames:
            use.enter_context(in_use(bluma_session_server, _Serving.port, _Serving.state_folder))
            _Serving.session_use = use
        yield bluma_session_server


@pytest.fixture
def bluma_client(request: pytest.FixtureRequest) -> Iterator[Bluma]:
    """Give a blocking client with the live key of the test's sandbox."""
    sandbox = _request_sandbox(request)
    from bluma import Bluma  # noqa: PLC0415 - see rule 1 of this module

    with Bluma(sandbox.live_key, base_url=sandbox.base_url) as client:
        yield client


@pytest.fixture
def async_bluma_client(request: pytest.FixtureRequest) -> Iterator[AsyncBluma]:
    """
    Give an async client with the live key of the test's sandbox.

    The fixture is not async, so it works with pytest-asyncio, with anyio's plugin (asyncio only) and with
    `asyncio.run` in the test: the client opens its connections in the event loop that uses it.
    """
    sandbox = _request_sandbox(request)
    from bluma import AsyncBluma  # noqa: PLC0415 - see rule 1 of this module
    from bluma_testing.threads import run_in_thread  # noqa: PLC0415 - see rule 1 of this module

    client = AsyncBluma(sandbox.live_key, base_url=sandbox.base_url)
    try:
        yield client
    finally:
        run_in_thread(client.aclose())


@pytest.fixture
def assert_billed(request: pytest.FixtureRequest) -> BillCheck:
    """Give a function that checks how many videos the test's sandbox has billed in this test: `assert_billed(1)`."""
    sandbox = _request_sandbox(request)
    from bluma_testing.bills import BillCheck  # noqa: PLC0415 - see rule 1 of this module

    return BillCheck(sandbox)


@contextmanager
def _serve(node: Any) -> Generator[Sandbox, None, None]:
    from bluma_testing.serving import in_use, make_sandbox  # noqa: PLC0415 - see rule 1 of this module

    settings: dict[str, Any] = {"port": _Serving.port}
    for marker in reversed(list(node.iter_markers("bluma_settings"))):  # the nearest one last
        if marker.args:
            pytest.fail(f"The marker {_show(marker)} is invalid: settings are keywords.", pytrace=False)
        settings.update(marker.kwargs)
    with ExitStack() as opened:
        try:
            sandbox = opened.enter_context(make_sandbox(**settings))
        except ValueError as error:
            pytest.fail(f"The settings of the sandbox are invalid: {error}", pytrace=False)
        opened.enter_context(in_use(sandbox, state_folder=_Serving.state_folder))
        yield sandbox


@contextmanager
def _shown(fixture: str, sandbox: Sandbox) -> Generator[None, None, None]:
    """Show a sandbox to the hooks until the end of the block."""
    _Serving.sandboxes[fixture] = sandbox
    try:
        yield
    finally:
        _Serving.sandboxes.pop(fixture, None)


def _add_fault(sandbox: Sandbox, marker: pytest.Mark) -> None:
    try:
        sandbox.faults.add(*marker.args, **marker.kwargs)
    except (TypeError, ValueError) as error:
        pytest.fail(f"The marker {_show(marker)} is invalid: {error}", pytrace=False)


def _request_sandbox(request: pytest.FixtureRequest) -> Sandbox:
    sandbox: Sandbox = request.getfixturevalue(_choose(request.fixturenames))
    return sandbox


def _choose(names: Any) -> str:
    """Return the name of the sandbox's fixture: the session's, if the test has asked for that one alone."""
    return SESSION_SANDBOX if SESSION_SANDBOX in names and SANDBOX not in names else SANDBOX


def _show(marker: pytest.Mark) -> str:
    arguments = [repr(value) for value in marker.args]
    arguments += [f"{name}={value!r}" for name, value in marker.kwargs.items()]
    return f"{marker.name}({', '.join(arguments)})"


def _set_environment(config: pytest.Config) -> None:
    from bluma_async.sandbox.settings import Settings  # noqa: PLC0415 - see rule 1 of this module
    from bluma_testing import serving  # noqa: PLC0415 - see rule 1 of this module

    opened = ExitStack()
    for name in ("port", "state_folder"):
        opened.callback(setattr, _Serving, name, getattr(_Serving, name))
    config.add_cleanup(opened.close)
    _Serving.state_folder = opened.enter_context(serving.temporary_folder())
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        _Serving.port = free.getsockname()[1]
    origin = f"http://127.0.0.1:{_Serving.port}"
    variables = serving.describe_environment(Settings(), origin, _Serving.state_folder)
    opened.enter_context(serving.environment(variables))

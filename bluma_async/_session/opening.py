"""Make a session from the arguments of a client; the clients of all APIs begin here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

from bluma_async._runtime.clock import SystemClock
from bluma_async._runtime.log_output import enable_logging
from bluma_async._session.options import (
    DEFAULT_BASE_URL,
    ConnectionOptions,
    Options,
    require_known,
    resolve_options,
)
from bluma_async._session.pickling import pack_connection, unpack_connection
from bluma_async._session.session import Session
from bluma_async._session.shared import Shared

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async._session.options import ClientOptions
    from bluma_async._session.ports import Transport

__all__ = ["open_session"]


def open_session(
    api_key: str | None,
    base_url: str | None,
    arguments: ClientOptions,
    environment: Mapping[str, str],
    default_base_url: str = DEFAULT_BASE_URL,
) -> Session:
    """
    Return a session. Nothing is sent yet.

    Args:
        api_key: The key; None to take it from the environment.
        base_url: The URL of the API; None to take it from the environment, or the default.
        arguments: The other arguments of the client.
        environment: The environment variable of each option that has one.
        default_base_url: The URL of the API, if neither an argument nor the environment names one.

    Raises:
        BlumaError: There is no API key.
        InvalidArgumentError: There is no such option, or its value is invalid.
    """
    enable_logging()
    given: Mapping[str, Any] = {"api_key": api_key, "base_url": base_url, **arguments}
    names = ConnectionOptions.names()
    require_known(given, [*Options.names(), *names])
    connection = ConnectionOptions(**{name: given[name] for name in names if name in given})
    options = {name: value for name, value in given.items() if name not in names}
    resolved = resolve_options(options, environment, default_base_url)
    return Session(resolved, open_shared(connection, environment))


def open_shared(connection: ConnectionOptions, environment: Mapping[str, str]) -> Shared:
    """Return the state that the copies of a client share."""
    clock, is_custom = connection.clock or SystemClock(), connection.transport is not None
    shared = Shared(
        clock,
        lambda: _open_transport(connection, clock),
        has_custom_transport=is_custom,
        connection_limit=connection.connection_limit,
    )
    shared.environment = environment
    if connection.telemetry:
        from bluma_async._session.telemetry import find_telemetry  # noqa: PLC0415 - loads OpenTelemetry

        shared.telemetry = find_telemetry(connection.telemetry)
    shared.pickled = lambda: (_reopen_shared, (pack_connection(connection), environment))
    return shared


def _reopen_shared(packed: Mapping[str, Any], environment: Mapping[str, str]) -> Shared:
    return open_shared(unpack_connection(packed), environment)


def _open_transport(options: ConnectionOptions, clock: Clock) -> Transport:
    if options.transport is not None:
        return options.transport
    from bluma_async._session.transport import AiohttpTransport  # noqa: PLC0415 - loads aiohttp, at the first call

    return AiohttpTransport(
        connection_limit=options.connection_limit,
        proxy=options.proxy,
        trust_env=options.trust_env,
        ssl_context=options.ssl_context,
        http_session=options.http_session,
        trace_configs=options.trace_configs,
        now=clock.now,
    )

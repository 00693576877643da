"""From a client's arguments to its session; both families of clients begin here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence, TypedDict

from bluma_async._runtime.clock import SystemClock
from bluma_async._runtime.log import enable_logging
from bluma_async._session.options import DEFAULT_BASE_URL, Callback, Options, options_from
from bluma_async._session.session import Session
from bluma_async._session.shared import Shared
from bluma_async._wire.checks import require_whole

if TYPE_CHECKING:
    import ssl

    import aiohttp

    from bluma_async._runtime.clock import Clock
    from bluma_async._session.ports import Transport
    from bluma_async._wire.retry import OnAmbiguous

__all__ = ["OPENING", "ClientOptions", "open_session"]

CONNECTING = ("connection_limit", "proxy", "trust_env", "ssl_context", "http_session", "trace_configs")
OPENING = (*Options.names(), *CONNECTING, "transport", "clock")


class ClientOptions(TypedDict, total=False):
    """What every client takes; `AsyncBluma` says what each means, and its default."""

    timeout: float
    max_retries: int
    retry_delay: float
    retry_multiplier: float
    deadline: float | None
    retry_jitter: float
    max_retry_after: float | None
    on_ambiguous: OnAmbiguous
    should_retry: Callback | None
    calculate_retry_delay: Callback | None
    default_headers: Mapping[str, str] | None
    webhook_secret: str | None
    on_request: Callback | None
    on_response: Callback | None
    on_retry: Callback | None
    connection_limit: int
    proxy: str | None
    trust_env: bool
    ssl_context: ssl.SSLContext | None
    http_session: aiohttp.ClientSession | None
    trace_configs: Sequence[aiohttp.TraceConfig]
    transport: Transport | None
    clock: Clock | None


def open_session(
    arguments: Mapping[str, Any], environment: Mapping[str, str], base_url: str = DEFAULT_BASE_URL
) -> Session:
    """
    Return a session. Nothing is sent yet.

    Args:
        arguments: What the client was made with.
        environment: Which variable stands for which option.
        base_url: Where the API is, if neither says.

    Raises:
        BlumaError: There is no API key.
        InvalidArgumentError: A value cannot be right.
    """
    enable_logging()
    require_whole("connection_limit", arguments.get("connection_limit", 100), at_least=1)
    options = options_from({name: arguments.get(name) for name in Options.names()}, environment, base_url)
    connecting = {name: arguments[name] for name in CONNECTING if name in arguments}

    def open_transport() -> Transport:
        if arguments.get("transport") is not None:
            transport: Transport = arguments["transport"]
            return transport
        from bluma_async._session.transport import AiohttpTransport  # noqa: PLC0415 - loads aiohttp, at the first call

        return AiohttpTransport(**connecting)

    return Session(options, Shared(arguments.get("clock") or SystemClock(), open_transport))

"""
The options of a client: arguments first, then the environment, then the defaults.

`Options` and `ConnectionOptions` are the source of every option's name, type, default and description. The signature of
`AsyncBluma` and the typed dictionaries below repeat them for type checkers and readers; tests/session/test_options.py
compares them.

Rule 1: an invalid option is refused here, before there is a client.
Rule 2: options do not change; `with_options` makes another set.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence, TypedDict, get_args

import attrs

from bluma_async._session.option_fields import (
    checked,
    copy_headers,
    require_clock,
    require_database,
    require_http_session,
    require_proxy,
    require_ssl_context,
    require_trace_configs,
    require_transport,
    show_names,
    strip,
    strip_slash,
    unset_if_empty,
)
from bluma_async._wire.checks import (
    require_bool,
    require_callable,
    require_choice,
    require_number,
    require_providers,
    require_seconds,
    require_whole,
)
from bluma_async._wire.create_options import Reuse, Validate
from bluma_async._wire.place_checks import require_header_text, require_headers, require_http_url, require_secret
from bluma_async._wire.retry import OnAmbiguous, RetryPolicy
from bluma_async.errors import BlumaError, InvalidArgumentError

if TYPE_CHECKING:
    import ssl

    import aiohttp

    from bluma_async._runtime.clock import Clock
    from bluma_async._session.ports import TelemetryOption, Transport

__all__ = [
    "DEFAULT_BASE_URL",
    "ENVIRONMENT",
    "Callback",
    "ClientOptions",
    "ConnectionOptions",
    "OptionChanges",
    "Options",
    "read_environment",
    "resolve_options",
]

DEFAULT_BASE_URL = "https://api.getbluma.com/api/v1"
ENVIRONMENT = {"api_key": "BLUMA_API_KEY", "base_url": "BLUMA_BASE_URL", "webhook_secret": "BLUMA_WEBHOOK_SECRET"}
Callback = Callable[..., Any]


@attrs.frozen(kw_only=True)
class Options:
    """
    The options of a client, or of one copy of it.

    Attributes:
        api_key: `bluma_test_...` or `bluma_live_...`; default `BLUMA_API_KEY`.
        base_url: The URL of the API; default `BLUMA_BASE_URL`, else `https://api.getbluma.com/api/v1`.
        timeout: Seconds that one attempt may take, from connecting to the last byte.
        max_retries: How often a call is retried after a 5xx answer or a network failure.
        retry_delay: Seconds before the first retry.
        retry_multiplier: How much longer each following pause is; the defaults pause 1, 2 and 4 s.
        deadline: Seconds that a whole call may take, with its retries and pauses; None for no limit. A save or an
            upload of a file is one call: all its requests together.
        retry_jitter: The largest share of a pause that is added to it at random, so that many processes do not
            retry at the same moment.
        max_retry_after: Seconds. A 429 or 503 that asks for a pause of at most this long is retried after it, one
            that asks for a longer pause is raised at once. None raises every 429.
        on_ambiguous: The reaction when it is uncertain whether a paid create was accepted: `reconcile` searches for
            its video and retries only if there is none; `adopt` also returns the one video that it may have created
            (only for accounts that nobody else uses); `retry` retries without a search; `raise` never retries.
        exclusive: States that nobody else uses this key. A lost create then returns the one new video that it may have
            created; two programs on one machine that both state it refuse each other.
        settle_time: Seconds after which a create that is not listed certainly was not accepted; counted from the last
            moment at which its request can have been on its way: servers commit late, and lists lag.
        validate: The reaction to options and contexts that are probably mistaken: `error` refuses a create before it is
            paid for, and warns where the documents leave it open; `warn` only warns; `never` is silent.
        reuse: `content` returns the video that was bought before for the same template, context and options, instead of
            buying it again. Only creates with this option are remembered, in the folder of BLUMA_STATE_DIR; creates
            from a variant are never reused.
        should_retry: `(error, attempt) -> bool`; decides in place of `max_retries`. Attempts count from 0.
        calculate_retry_delay: `(attempt) -> seconds`; replaces the pauses of the options above.
        default_headers: Sent with every request; they replace the SDK's own headers of the same name.
        webhook_secret: The secret that `webhooks.verify` uses; default `BLUMA_WEBHOOK_SECRET`.
        on_request: Called with a RequestInfo before each attempt of a call, an upload or a download.
        on_response: Called with a ResponseInfo after each answer.
        on_retry: Called with a RetryInfo before each pause.
        pickle_key: Whether a pickled client contains its key and `webhook_secret`. If not, the process that unpickles
            it reads them from its environment. Functions are never pickled.
    """

    api_key: str = attrs.field(repr=lambda _: "'***'", converter=strip, validator=checked(require_header_text))
    base_url: str = attrs.field(default=DEFAULT_BASE_URL, converter=strip_slash, validator=checked(require_http_url))
    timeout: float = attrs.field(default=30.0, validator=checked(require_number, above=0))
    max_retries: int = attrs.field(default=3, validator=checked(require_whole))
    retry_delay: float = attrs.field(default=1.0, validator=checked(require_number))
    retry_multiplier: float = attrs.field(default=2.0, validator=checked(require_number))
    deadline: float | None = attrs.field(default=None, validator=checked(require_number, above=0, optional=True))
    retry_jitter: float = attrs.field(default=0.0, validator=checked(require_number))
    max_retry_after: float | None = attrs.field(default=None, validator=checked(require_number, optional=True))
    on_ambiguous: OnAmbiguous = attrs.field(
        default="reconcile", validator=checked(require_choice, choices=get_args(OnAmbiguous))
    )
    exclusive: bool = attrs.field(default=False, validator=checked(require_bool))
    settle_time: float = attrs.field(default=30.0, validator=checked(require_seconds))
    validate: Validate = attrs.field(default="error", validator=checked(require_choice, choices=get_args(Validate)))
    reuse: Reuse | None = attrs.field(
        default=None, validator=checked(require_choice, choices=get_args(Reuse), optional=True)
    )
    should_retry: Callback | None = attrs.field(default=None, validator=checked(require_callable))
    calculate_retry_delay: Callback | None = attrs.field(default=None, validator=checked(require_callable))
    default_headers: Mapping[str, str] = attrs.field(
        default=None, converter=copy_headers, validator=checked(require_headers), repr=show_names
    )
    webhook_secret: str | None = attrs.field(
        default=None, converter=unset_if_empty, repr=lambda _: "'***'", validator=checked(require_secret)
    )
    on_request: Callback | None = attrs.field(default=None, validator=checked(require_callable))
    on_response: Callback | None = attrs.field(default=None, validator=checked(require_callable))
    on_retry: Callback | None = attrs.field(default=None, validator=checked(require_callable))
    pickle_key: bool = attrs.field(default=False, validator=checked(require_bool))

    @property
    def retry_policy(self) -> RetryPolicy:
        """The options that decide on retries."""
        return RetryPolicy(**{field.name: getattr(self, field.name) for field in attrs.fields(RetryPolicy)})

    @property
    def is_exclusive(self) -> bool:
        """Whether the caller has stated that nobody else uses the key."""
        return self.exclusive or self.on_ambiguous == "adopt"

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of all options."""
        return [field.name for field in attrs.fields(cls)]

    def changed(self, changes: Mapping[str, Any]) -> Options:
        """
        Return other options.

        Raises:
            InvalidArgumentError: There is no such option, or its value is invalid.
        """
        require_known(changes, self.names())
        return attrs.evolve(self, **changes)


@attrs.frozen(kw_only=True)
class ConnectionOptions:
    """
    The options that a client and all its copies share: how requests travel.

    Attributes:
        connection_limit: The connections, and so the requests, at a time in each event loop; and the downloads at a
            time, of which there are fewer if the system lets the process open few files.
        proxy: The URL of an HTTP proxy.
        trust_env: Whether `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are followed.
        ssl_context: How TLS certificates are checked.
        http_session: An aiohttp session of your own, for its own event loop; it is never closed.
        trace_configs: Passed to aiohttp, for its tracing.
        transport: Sends the requests in place of aiohttp; for tests.
        clock: Replaces the machine's clock; for tests.
        telemetry: True, a TracerProvider, a MeterProvider or a tuple of both: reports creates, waits, saves and
            retries to OpenTelemetry; True takes its global providers. Needs the extra `telemetry`.
        shared: The URL of a PostgreSQL database (`postgresql://...`) through which processes with this key share their
            budget, their creates and their news. Needs the extra `fleet`.
    """

    connection_limit: int = attrs.field(default=100, validator=checked(require_whole, at_least=1))
    proxy: str | None = attrs.field(default=None, repr=False, validator=require_proxy)
    trust_env: bool = attrs.field(default=True, validator=checked(require_bool))
    ssl_context: ssl.SSLContext | None = attrs.field(default=None, validator=require_ssl_context)
    http_session: aiohttp.ClientSession | None = attrs.field(default=None, validator=require_http_session)
    trace_configs: Sequence[aiohttp.TraceConfig] = attrs.field(default=(), validator=require_trace_configs)
    transport: Transport | None = attrs.field(default=None, validator=require_transport)
    clock: Clock | None = attrs.field(default=None, validator=require_clock)
    telemetry: TelemetryOption = attrs.field(default=False, validator=checked(require_providers))
    shared: str | None = attrs.field(default=None, repr=False, validator=require_database)

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of all options."""
        return [field.name for field in attrs.fields(cls)]


class CallOptions(TypedDict, total=False):
    """The options that clients of all APIs take, and that `with_options` changes."""

    timeout: float
    max_retries: int
    retry_delay: float
    retry_multiplier: float
    deadline: float | None
    retry_jitter: float
    max_retry_after: float | None
    on_ambiguous: OnAmbiguous
    exclusive: bool
    settle_time: float
    validate: Validate
    reuse: Reuse | None
    should_retry: Callback | None
    calculate_retry_delay: Callback | None
    default_headers: Mapping[str, str] | None
    webhook_secret: str | None
    on_request: Callback | None
    on_response: Callback | None
    on_retry: Callback | None
    pickle_key: bool


class OptionChanges(CallOptions, total=False):
    """The keyword arguments of `with_options`; Options describes them."""

    api_key: str
    base_url: str


class ClientOptions(CallOptions, total=False):
    """The keyword arguments of every client besides its key and URL; Options and ConnectionOptions describe them."""

    connection_limit: int
    proxy: str | None
    trust_env: bool
    ssl_context: ssl.SSLContext | None
    http_session: aiohttp.ClientSession | None
    trace_configs: Sequence[aiohttp.TraceConfig]
    transport: Transport | None
    clock: Clock | None
    telemetry: TelemetryOption
    shared: str | None


def require_known(given: Mapping[str, Any], known: Sequence[str]) -> None:
    """
    Require that all options exist.

    Raises:
        InvalidArgumentError: There is no such option.
    """
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InvalidArgumentError(f"There is no option {', '.join(unknown)}. The options are {', '.join(known)}.")


def read_environment(arguments: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments that are not None, and the values of the environment for the others."""
    found = {name: os.environ.get(variable, "").strip() for name, variable in environment.items()}
    given = {**arguments, "webhook_secret": unset_if_empty(arguments.get("webhook_secret"))}
    usable = {name: value for name, value in found.items() if value}
    return {**usable, **{name: value for name, value in given.items() if value is not None}}


def resolve_options(arguments: Mapping[str, Any], environment: Mapping[str, str], base_url: str) -> Options:
    """
    Return the options: the arguments, else the environment for those that are None, else the defaults.

    Args:
        arguments: The arguments of the client.
        environment: The environment variable of each option that has one.
        base_url: The default URL of the API.

    Raises:
        BlumaError: There is no API key.
        InvalidArgumentError: An option is invalid.
    """
    given = read_environment(arguments, environment)
    api_key = given.get("api_key", "")
    if not isinstance(api_key, str):
        raise InvalidArgumentError(f"api_key must be text, not {type(api_key).__name__}. Nothing was sent.")
    if not api_key.strip():
        raise BlumaError(
            f"The API key is required: pass api_key=, or set {environment['api_key']}. Keys are made in the provider's "
            "dashboard.",
            status=401,
        )
    return Options(base_url=given.pop("base_url", base_url), **given)

"""The client: its options, and its resources, which share one session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Collection, List, Mapping, Sequence, TypeVar

from bluma_async._lazy import LazyModule
from bluma_async._runtime.resource import Resource
from bluma_async.resources._base_client import BaseClient

if TYPE_CHECKING:
    import os
    import ssl
    from types import TracebackType

    import aiohttp
    from typing_extensions import Literal, Self, Unpack

    from bluma_async._runtime.clock import Clock
    from bluma_async._session.options import Callback, OptionChanges
    from bluma_async._session.ports import TelemetryOption, Transport
    from bluma_async._session.session import Session
    from bluma_async._wire.create_options import Reuse, Validate
    from bluma_async._wire.retry import OnAmbiguous
    from bluma_async.batch.batch import Batch
    from bluma_async.resources import _client_parts as parts
    from bluma_async.resources.api_keys import ApiKeys
    from bluma_async.resources.assets import Assets
    from bluma_async.resources.collections import Collections
    from bluma_async.resources.credits import Credits
    from bluma_async.resources.templates import Templates
    from bluma_async.resources.usage import Usage
    from bluma_async.resources.variants import Variants
    from bluma_async.resources.videos import Videos
    from bluma_async.resources.webhooks import Webhooks
    from bluma_async.types import SettledCreate
    from bluma_async.waiting.hub import PollHub
else:
    parts = LazyModule("bluma_async.resources._client_parts")

__all__ = ["AsyncBluma"]

R = TypeVar("R")


def _on_session(client: AsyncBluma, cls: Callable[[Session], R]) -> R:
    """Make a resource that needs the session alone."""
    return cls(client._session)  # pyright: ignore[reportPrivateUsage]  # the client's own


class AsyncBluma(BaseClient):
    """
    The Bluma API.

    Make one and keep it: it holds the connections. It may be made anywhere, also at module level, and used from several
    threads and event loops at once. A `with` block closes it at its end.
    """

    _session: Session
    _hub: PollHub

    videos: Resource[AsyncBluma, Videos] = Resource(
        "bluma_async.resources.videos:Videos", lambda client, cls: cls(client._session, client._hub)
    )
    templates: Resource[AsyncBluma, Templates] = Resource("bluma_async.resources.templates:Templates", _on_session)
    credits: Resource[AsyncBluma, Credits] = Resource("bluma_async.resources.credits:Credits", _on_session)
    webhooks: Resource[AsyncBluma, Webhooks] = Resource("bluma_async.resources.webhooks:Webhooks", _on_session)
    variants: Resource[AsyncBluma, Variants] = Resource("bluma_async.resources.variants:Variants", _on_session)
    collections: Resource[AsyncBluma, Collections] = Resource(
        "bluma_async.resources.collections:Collections", _on_session
    )
    assets: Resource[AsyncBluma, Assets] = Resource("bluma_async.resources.assets:Assets", _on_session)
    api_keys: Resource[AsyncBluma, ApiKeys] = Resource("bluma_async.resources.api_keys:ApiKeys", _on_session)
    usage: Resource[AsyncBluma, Usage] = Resource("bluma_async.resources.usage:Usage", _on_session)

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = 30.0,
        max_retries: int = 3,
        retry_delay: float = 1.0,
        retry_multiplier: float = 2.0,
        *,
        deadline: float | None = None,
        retry_jitter: float = 0.0,
        max_retry_after: float | None = None,
        on_ambiguous: OnAmbiguous = "reconcile",
        exclusive: bool = False,
        settle_time: float = 30.0,
        validate: Validate = "error",
        reuse: Reuse | None = None,
        should_retry: Callback | None = None,
        calculate_retry_delay: Callback | None = None,
        default_headers: Mapping[str, str] | None = None,
        webhook_secret: str | None = None,
        on_request: Callback | None = None,
        on_response: Callback | None = None,
        on_retry: Callback | None = None,
        pickle_key: bool = False,
        connection_limit: int = 100,
        proxy: str | None = None,
        trust_env: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        http_session: aiohttp.ClientSession | None = None,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
        transport: Transport | None = None,
        clock: Clock | None = None,
        telemetry: TelemetryOption = False,
        shared: str | None = None,
    ) -> None:
        """
        Set up a client. Nothing is sent yet.

        Args:
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
            exclusive: States that nobody else uses this key. A lost create then returns the one new video that it may
                have created; two programs on one machine that both state it refuse each other.
            settle_time: Seconds after which a create that is not listed certainly was not accepted; counted from the
                last moment at which its request can have been on its way: servers commit late, and lists lag.
            validate: The reaction to options and contexts that are probably mistaken: `error` refuses a create before
                it is paid for, and warns where the documents leave it open; `warn` only warns; `never` is silent.
            reuse: `content` returns the video that was bought before for the same template, context and options,
                instead of buying it again. Only creates with this option are remembered, in the folder of
                BLUMA_STATE_DIR; creates from a variant are never reused.
            should_retry: `(error, attempt) -> bool`; decides in place of `max_retries`. Attempts count from 0.
            calculate_retry_delay: `(attempt) -> seconds`; replaces the pauses of the options above.
            default_headers: Sent with every request; they replace the SDK's own headers of the same name.
            webhook_secret: The secret that `webhooks.verify` uses; default `BLUMA_WEBHOOK_SECRET`.
            on_request: Called with a RequestInfo before each attempt of a call, an upload or a download.
            on_response: Called with a ResponseInfo after each answer.
            on_retry: Called with a RetryInfo before each pause.
            pickle_key: Whether a pickled client contains its key and `webhook_secret`. If not, the process that
                unpickles it reads them from its environment. Functions are never pickled.
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
            shared: The URL of a PostgreSQL database (`postgresql://...`) through which processes with this key share
                their budget, their creates and their news. Needs the extra `fleet`.

        Raises:
            BlumaError: There is no API key.
            InvalidArgumentError: An option is invalid.
        """
        # By name, so that type checkers compare each with ClientOptions; several a line, so that the function is short.
        options = parts.ClientOptions(
            timeout=timeout, deadline=deadline, max_retries=max_retries, max_retry_after=max_retry_after,
            retry_delay=retry_delay, retry_multiplier=retry_multiplier, retry_jitter=retry_jitter,
            should_retry=should_retry, calculate_retry_delay=calculate_retry_delay,
            on_ambiguous=on_ambiguous, exclusive=exclusive, settle_time=settle_time, validate=validate,
            reuse=reuse, on_request=on_request, on_response=on_response, on_retry=on_retry,
            default_headers=default_headers, webhook_secret=webhook_secret, pickle_key=pickle_key,
            connection_limit=connection_limit, proxy=proxy, trust_env=trust_env, ssl_context=ssl_context,
            http_session=http_session, trace_configs=trace_configs, transport=transport, clock=clock,
            telemetry=telemetry, shared=shared,
        )  # fmt: skip
        self._session = parts.open_client(api_key, base_url, options)
        self._hub = parts.PollHub(self._session.shared.clock)

    def batch(
        self,
        journal: str | os.PathLike[str] | None = None,
        *,
        out: str | os.PathLike[str] | None = None,
        concurrency: int = 8,
        max_credits: float | None = None,
        on_error: Literal["collect", "raise"] = "collect",
        poll_interval: float = 5.0,
        timeout: float = 3600.0,
        on_change: Callback | None = None,
        exclusive: bool = False,
        tag: Literal["preset"] | None = None,
        on_status: Callback | None = None,
        final_statuses: Collection[str] = (),
        verify: Literal["size", "container", "none"] = "size",
        reuse: Reuse | None = None,
    ) -> Batch:
        """
        Set up a durable batch. Nothing is sent yet, and no file is touched.

        Args:
            journal: The SQLite file that records the state of every job; default `journal.sqlite` in the folder `out`.
            out: The folder for the files, each named by its job's key, or a URL like `s3://bucket`; None saves none.
            concurrency: Jobs at a time, each from its create to its file.
            max_credits: Stop submitting before the journal's net credits would exceed this.
            on_error: `collect` returns failed jobs among the results, `raise` ends the run at the first failed job.
            poll_interval: Seconds between two polls; at least 0.001.
            timeout: Seconds to wait for a video; after that the job is continued by the next run.
            on_change: Called with a BatchResult at each change of a job's state. May be async.
            exclusive: States that nobody else uses this key, like the option of the client. A lost create then adopts
                the one new video that it may have created; without it, its job is in doubt.
            tag: `preset` creates a private variant of each template, and the jobs from it: a lost create then adopts
                the video of that variant, although others use the key. Jobs with a variant of their own have no tag.
            on_status: Called with a StatusInfo for each new status of a job's video, and once if no answer comes for
                10 s. May be async.
            final_statuses: Statuses of a video that end its job as failed, besides `failed`.
            verify: What of each file is compared with its description, as in `videos.save`. A job whose file does not
                fit stays `rendered`, with the error.
            reuse: `content` gives a job the video that was bought before for its content, like the option of the
                client: in this journal, in another one, or by a single create.

        Raises:
            InvalidArgumentError: An argument is invalid.
        """
        from bluma_async.batch.opening import open_batch  # noqa: PLC0415 - loads SQLite, which only batches need

        return open_batch(
            self._session, self._hub, journal, out, concurrency=concurrency, max_credits=max_credits, on_error=on_error,
            poll_interval=poll_interval, timeout=timeout, on_change=on_change, exclusive=exclusive, tag=tag,
            on_status=on_status, final_statuses=final_statuses, verify=verify, reuse=reuse,
        )  # fmt: skip

    async def request(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, json: Any = None) -> Any:
        """
        Send a request to an endpoint that the SDK has no method for, and return the decoded JSON of the answer.

        Only a GET is retried: nobody knows what another request costs. `POST /videos` is a create: if its answer is
        lost, its video is searched for, and the request is not sent again.

        Args:
            method: `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
            path: The path below `base_url`, such as `/brands/brand_1`; ids in it are percent-encoded.
            query: The parameters of the URL. None leaves one out, and a list repeats it.
            json: The body, any JSON value; None for no body.

        Raises:
            InvalidArgumentError: An argument is invalid, or the path leaves the API. Nothing was sent.
            BlumaError: The request failed; the errors are those of every other call.
        """
        return await parts.send_custom(self._session, method, path, query, json)

    async def settle(self) -> List[SettledCreate]:
        """
        Determine the outcome of each create that was interrupted, or whose answer was lost. Those in flight continue.

        It waits until `settle_time` has passed since their requests can have been on their way, and reads the list of
        videos. A create in doubt stays open. With `reuse`, those of ended programs on this machine are settled too;
        with `shared`, one can have no candidates while other processes create from its template. Settle it again later.

        Returns:
            One result for each of them: accepted (with its video), not accepted, or in doubt (with candidates).

        Raises:
            BlumaError: With `shared`, the database cannot be used. Creates that are not settled stay open.
        """
        return await parts.settle_creates(self._session)

    def with_options(self, **changes: Unpack[OptionChanges]) -> Self:
        """
        Return a copy with other options, for one call or for many. It shares the connections: closing one closes both.

        Args:
            **changes: Any option of the constructor down to `pickle_key`, such as `timeout` or `max_retries`.

        Raises:
            InvalidArgumentError: There is no such option, or its value is invalid.
        """
        copy = type(self).__new__(type(self))
        copy._session = self._session.with_options(changes)
        copy._hub = self._hub
        return copy

    async def aclose(self) -> None:
        """End all calls and waits, and close the connections. A call after this raises; closing again does nothing."""
        self._hub.close()
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._session.options.base_url!r}, api_key='***')"

"""The client: options, and the resources hung on one session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from bluma_async._runtime.resource import Resource
from bluma_async._session.opening import OPENING, open_session
from bluma_async._session.options import ENVIRONMENT, Callback
from bluma_async.resources.api_keys import ApiKeys
from bluma_async.resources.assets import Assets
from bluma_async.resources.collections import Collections
from bluma_async.resources.credits import Credits
from bluma_async.resources.templates import Templates
from bluma_async.resources.usage import Usage
from bluma_async.resources.variants import Variants
from bluma_async.resources.videos import Videos
from bluma_async.resources.webhooks import Webhooks
from bluma_async.types import VideoEvent, WebhookEvent
from bluma_async.waiting.hub import PollHub

if TYPE_CHECKING:
    import os
    import ssl
    from types import TracebackType

    import aiohttp
    from typing_extensions import Literal, Self

    from bluma_async._runtime.clock import Clock
    from bluma_async._session.ports import Transport
    from bluma_async._session.session import Session
    from bluma_async._wire.budget import RateLimit
    from bluma_async._wire.retry import OnAmbiguous
    from bluma_async.batch.batch import Batch

__all__ = ["AsyncBluma"]


class AsyncBluma:
    """
    The Bluma API.

    Make one and keep it: it holds the connections. It may be made anywhere, also at module level, and used from several
    threads and event loops at once. A `with` block closes it at its end.
    """

    _session: Session
    _hub: PollHub

    videos: Resource[AsyncBluma, Videos] = Resource(Videos, lambda client: Videos(client._session, client._hub))
    templates: Resource[AsyncBluma, Templates] = Resource(Templates, lambda client: Templates(client._session))
    credits: Resource[AsyncBluma, Credits] = Resource(Credits, lambda client: Credits(client._session))
    webhooks: Resource[AsyncBluma, Webhooks] = Resource(Webhooks, lambda client: Webhooks(client._session))
    variants: Resource[AsyncBluma, Variants] = Resource(Variants, lambda client: Variants(client._session))
    collections: Resource[AsyncBluma, Collections] = Resource(Collections, lambda client: Collections(client._session))
    assets: Resource[AsyncBluma, Assets] = Resource(Assets, lambda client: Assets(client._session))
    api_keys: Resource[AsyncBluma, ApiKeys] = Resource(ApiKeys, lambda client: ApiKeys(client._session))
    usage: Resource[AsyncBluma, Usage] = Resource(Usage, lambda client: Usage(client._session))

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
        should_retry: Callback | None = None,
        calculate_retry_delay: Callback | None = None,
        default_headers: Mapping[str, str] | None = None,
        webhook_secret: str | None = None,
        on_request: Callback | None = None,
        on_response: Callback | None = None,
        on_retry: Callback | None = None,
        connection_limit: int = 100,
        proxy: str | None = None,
        trust_env: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        http_session: aiohttp.ClientSession | None = None,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        """
        Set up a client. Nothing is sent yet.

        Args:
            api_key: `bluma_test_...` or `bluma_live_...`; default `BLUMA_API_KEY`.
            base_url: Where the API is; default `BLUMA_BASE_URL`, else `https://api.getbluma.com/api/v1`.
            timeout: Seconds one attempt may take, from connecting to the last byte.
            max_retries: How often a 5xx answer or a network failure is followed by another attempt.
            retry_delay: Seconds before the first repetition.
            retry_multiplier: How much longer each following pause is; the defaults pause 1, 2 and 4 s.
            deadline: Seconds for a whole call with its attempts and pauses; None for no such bound.
            retry_jitter: The share of a pause by which it may be longer at random; for fleets.
            max_retry_after: Seconds; a 429 or 503 that asks for at most so long is repeated after just that, a longer
                one raised at once. None raises every 429.
            on_ambiguous: What to do about a paid create of which nobody knows whether it was accepted: `reconcile`
                looks for it and repeats it only if it is not there, `adopt` also takes the one video that may be it
                (for accounts nobody else uses), `retry` repeats it blindly, `raise` never does.
            should_retry: `(error, attempt) -> bool` decides alone, in place of `max_retries`; attempts count from 0.
            calculate_retry_delay: `(attempt) -> seconds`, in the place of the pauses above.
            default_headers: Sent with every request; they replace the SDK's own of the same name.
            webhook_secret: What `webhooks.verify` uses; default `BLUMA_WEBHOOK_SECRET`.
            on_request: Called with a RequestInfo before each attempt.
            on_response: Called with a ResponseInfo after each answer.
            on_retry: Called with a RetryInfo before each pause.
            connection_limit: Connections, and so requests, at a time in each event loop.
            proxy: The URL of an HTTP proxy.
            trust_env: Whether `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are followed.
            ssl_context: How TLS is checked.
            http_session: A session of your own to send with, in its own event loop; it is never closed.
            trace_configs: Given to aiohttp, for its tracing.
            transport: Another way to send requests, for tests.
            clock: Another time, for tests.

        Raises:
            BlumaError: There is no API key.
            InvalidArgumentError: A value cannot be right.
        """
        arguments = locals()
        self._session = open_session({name: arguments[name] for name in OPENING}, ENVIRONMENT)
        self._hub = PollHub(self._session.shared.clock)

    @property
    def rate_limit(self) -> RateLimit | None:
        """The key's hourly budget as the last answer told it; None before the first."""
        return self._session.rate_limit

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
    ) -> Batch:
        """
        Set up a durable batch. Nothing is sent yet, and no file is touched.

        Args:
            journal: The SQLite file that remembers what was done; default `journal.sqlite` in `out`.
            out: The folder for the files, each named by its job's key; None saves none.
            concurrency: Jobs at a time, each from its create to its file.
            max_credits: Stop submitting before the journal's net credits would go beyond this.
            on_error: `collect` gives jobs that fail among the results, `raise` ends the run at the first.
            poll_interval: Seconds between two polls; above 0.
            timeout: Seconds to wait for a video; after that the job goes on at the next run.
            on_change: Called with a BatchResult at each change of a job's state. May be async.

        Raises:
            InvalidArgumentError: A value cannot be right.
        """
        from bluma_async.batch.api import BatchApi  # noqa: PLC0415 - loads SQLite, for those who run batches
        from bluma_async.batch.batch import Batch  # noqa: PLC0415 - loads SQLite, for those who run batches
        from bluma_async.batch.options import BatchOptions  # noqa: PLC0415 - loads SQLite, for those who run batches

        options = BatchOptions.checked(
            journal,
            out,
            concurrency=concurrency,
            max_credits=max_credits,
            on_error=on_error,
            poll_interval=poll_interval,
            timeout=timeout,
            on_change=on_change,
        )
        return Batch(options, BatchApi(self._session, self._hub))

    def learn(self, event: WebhookEvent) -> None:
        """
        Take in what a verified webhook tells: a video that has ended ends the waits for it, without a further poll.

        May be called from any thread. Other events, and videos nobody waits for, change nothing.
        """
        if isinstance(event, VideoEvent) and isinstance(event.data.get("id"), str):
            self._hub.learn(event.data.id, event)

    def with_options(self, **changes: Any) -> Self:
        """
        Return a copy with other options, for one call or for many. It shares the connections: closing one closes both.

        Args:
            **changes: Any option of the constructor down to `on_retry`, such as `timeout`, `deadline` or `max_retries`.

        Raises:
            InvalidArgumentError: There is no such option, or its value cannot be right.
        """
        copy = type(self).__new__(type(self))
        copy._session = self._session.with_options(changes)
        copy._hub = self._hub
        return copy

    async def aclose(self) -> None:
        """Let go of the connections. A call after this raises; closing again does nothing."""
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

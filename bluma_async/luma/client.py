"""The client of the Luma providers: one provider, one account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict

from bluma_async._runtime.resource import Resource
from bluma_async._runtime.with_blocks import WithBlocks
from bluma_async._session.opening import open_session
from bluma_async._wire.checks import invalid, require_choice
from bluma_async.luma.lifecycle import Lifecycle
from bluma_async.luma.registry import PROVIDERS
from bluma_async.luma.source import GenerationSource
from bluma_async.waiting.hub import PollHub

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from bluma_async._session.options import ClientOptions, OptionChanges
    from bluma_async._session.session import Session
    from bluma_async.luma.adapter import Adapter, Capabilities
    from bluma_async.luma.registry import ProviderName
    from bluma_async.luma.resources import Generations, Modifications
    from bluma_async.luma.source import LocalRecord

__all__ = ["AsyncLuma"]


class AsyncLuma(WithBlocks):
    """
    A client of one Luma provider: kie.ai, UmamiAI or V-API.

    Make one client and keep it: it holds the connections. It may be made anywhere, also at module level, and used from
    several threads and event loops at once. A `with` block closes it at its end.
    """

    generations: Resource[AsyncLuma, Generations] = Resource(
        "bluma_async.luma.resources:Generations", lambda client, cls: cls(client._lifecycle)
    )
    modifications: Resource[AsyncLuma, Modifications] = Resource(
        "bluma_async.luma.resources:Modifications", lambda client, cls: cls(client._lifecycle)
    )
    _session: Session
    _adapter: Adapter
    _hub: PollHub
    _records: Dict[str, LocalRecord]
    _lifecycle: Lifecycle

    def __init__(
        self,
        provider: ProviderName,
        api_key: str | None = None,
        base_url: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        """
        Set up a client. Nothing is sent yet.

        Args:
            provider: `kie` (changes videos), `umami` or `vapi` (make videos from prompts).
            api_key: Default: the environment variable `KIE_API_KEY`, `UMAMI_API_KEY` or `VAPI_API_KEY`.
            base_url: The URL of the API. Default: the environment variable `KIE_BASE_URL`, `UMAMI_BASE_URL` or
                `VAPI_BASE_URL`, else the provider's own URL.
            **options: The options of Bluma's client, from `timeout` on. `webhook_secret` is kie.ai's `webhookHmacKey`.

        Raises:
            BlumaError: There is no API key.
            InvalidArgumentError: A value is invalid, or there is no such provider.
        """
        require_choice("provider", provider, PROVIDERS)
        if options.get("shared") is not None:
            raise invalid("shared", "shared is an option of Bluma's clients: those of Luma share nothing.")
        adapter = PROVIDERS[provider]
        environment = {"api_key": adapter.key_variable, "base_url": adapter.key_variable.replace("API_KEY", "BASE_URL")}
        session = open_session(api_key, base_url, options, environment, adapter.base_url)
        self._set_up(session, adapter, PollHub(session.shared.clock), {})

    @property
    def provider(self) -> str:
        """The name of the provider."""
        return self._adapter.name

    @property
    def capabilities(self) -> Capabilities:
        """The operations, options and limits of the provider."""
        return self._adapter.capabilities

    @property
    def is_closed(self) -> bool:
        """Whether the client, or one that it shares its connections with, was closed: its calls raise then."""
        return self._session.shared.connections.is_closed

    def with_options(self, **changes: Unpack[OptionChanges]) -> Self:
        """
        Return a copy with other options, for one call or for many. It shares the connections: closing one closes both.

        Args:
            **changes: Any option down to `pickle_key`, such as `timeout`, `deadline` or `on_ambiguous`.

        Raises:
            InvalidArgumentError: There is no such option, or its value is invalid.
        """
        copy = type(self).__new__(type(self))
        copy._set_up(self._session.with_options(changes), self._adapter, self._hub, self._records)
        return copy

    async def aclose(self) -> None:
        """Close the connections. A later call raises an error; closing again does nothing."""
        self._hub.close()
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        options = self._session.options
        return f"{type(self).__name__}(provider={self.provider!r}, base_url={options.base_url!r}, api_key='***')"

    def _set_up(self, session: Session, adapter: Adapter, hub: PollHub, records: Dict[str, LocalRecord]) -> None:
        self._session, self._adapter, self._hub, self._records = session, adapter, hub, records
        self._lifecycle = Lifecycle(session, adapter, GenerationSource(session, adapter, records), hub)

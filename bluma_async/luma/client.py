"""The client of the Luma family: one provider, its key, and what can be done there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping

from bluma_async._runtime.resource import Resource
from bluma_async._session.opening import ClientOptions, open_session
from bluma_async._wire.checks import require_choice
from bluma_async.luma.kie import Kie
from bluma_async.luma.resources import Generations, Modifications
from bluma_async.luma.source import GenerationSource
from bluma_async.luma.umami import Umami
from bluma_async.luma.vapi import VApi
from bluma_async.luma.work import Work
from bluma_async.waiting.hub import PollHub

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Literal, Self, Unpack

    from bluma_async._session.session import Session
    from bluma_async.luma.adapter import Adapter, Capabilities
    from bluma_async.luma.source import Memory

__all__ = ["PROVIDERS", "AsyncLuma"]

PROVIDERS: Mapping[str, Adapter] = {adapter.name: adapter for adapter in (Kie(), Umami(), VApi())}


class AsyncLuma:
    """
    One provider of Luma: kie.ai, UmamiAI or V-API.

    Make one and keep it: it holds the connections. It may be made anywhere, also at module level, and used from several
    threads and event loops at once. A `with` block closes it at its end.
    """

    generations: Resource[AsyncLuma, Generations] = Resource(Generations, lambda client: Generations(client._work))
    modifications: Resource[AsyncLuma, Modifications] = Resource(
        Modifications, lambda client: Modifications(client._work)
    )
    _session: Session
    _adapter: Adapter
    _hub: PollHub
    _memories: Dict[str, Memory]
    _work: Work

    def __init__(
        self,
        provider: Literal["kie", "umami", "vapi"],
        api_key: str | None = None,
        base_url: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        """
        Set up a client. Nothing is sent yet.

        Args:
            provider: `kie` (changes videos), `umami` or `vapi` (make videos from prompts).
            api_key: Default `KIE_API_KEY`, `UMAMI_API_KEY` or `VAPI_API_KEY`.
            base_url: Where the API is; default `KIE_BASE_URL`, `UMAMI_BASE_URL` or `VAPI_BASE_URL`, else the provider's
                own.
            **options: What Bluma's client takes too, from `timeout` on. `webhook_secret` is kie.ai's `webhookHmacKey`.

        Raises:
            BlumaError: There is no API key.
            InvalidArgumentError: A value cannot be right, or there is no such provider.
        """
        require_choice("provider", provider, PROVIDERS)
        adapter = PROVIDERS[provider]
        environment = {"api_key": adapter.key_variable, "base_url": adapter.key_variable.replace("API_KEY", "BASE_URL")}
        session = open_session({**options, "api_key": api_key, "base_url": base_url}, environment, adapter.base_url)
        self._set_up(session, adapter, PollHub(session.shared.clock), {})

    @property
    def provider(self) -> str:
        """Whose API this is."""
        return self._adapter.name

    @property
    def capabilities(self) -> Capabilities:
        """What the provider can do."""
        return self._adapter.capabilities

    def with_options(self, **changes: Any) -> Self:
        """
        Return a copy with other options, for one call or for many. It shares the connections: closing one closes both.

        Args:
            **changes: Any option down to `on_retry`, such as `timeout`, `deadline` or `on_ambiguous`.

        Raises:
            InvalidArgumentError: There is no such option, or its value cannot be right.
        """
        copy = type(self).__new__(type(self))
        copy._set_up(self._session.with_options(changes), self._adapter, self._hub, self._memories)
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
        options = self._session.options
        return f"{type(self).__name__}(provider={self.provider!r}, base_url={options.base_url!r}, api_key='***')"

    def _set_up(self, session: Session, adapter: Adapter, hub: PollHub, memories: Dict[str, Memory]) -> None:
        self._session, self._adapter, self._hub, self._memories = session, adapter, hub, memories
        self._work = Work(session, adapter, GenerationSource(session, adapter, memories), hub)

# Generated from bluma_async/luma/client.py by `nox -s facade`: change that, not this.
"""The client of the Luma providers: one provider, one account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._runtime.resource import Resource
from bluma_async._runtime.with_blocks import WithBlocks
from bluma_async.luma import client as asynchronous
from bluma_sync._portal import mirror, run

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from bluma_async._session.options import ClientOptions, OptionChanges
    from bluma_async.luma.adapter import Capabilities
    from bluma_async.luma.registry import ProviderName
    from bluma_sync.luma.resources import Generations, Modifications

__all__ = ["Luma"]


class Luma(WithBlocks):
    """
    A client of one Luma provider: kie.ai, UmamiAI or V-API.

    Make one client and keep it: it holds the connections. It may be made anywhere, also at module level, and used from
    several threads and event loops at once. A `with` block closes it at its end.
    """

    generations: Resource[Luma, Generations] = Resource(
        "bluma_sync.luma.resources:Generations", lambda client, cls: cls(client._async.generations)
    )
    modifications: Resource[Luma, Modifications] = Resource(
        "bluma_sync.luma.resources:Modifications", lambda client, cls: cls(client._async.modifications)
    )
    _async: asynchronous.AsyncLuma

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
        self._async = asynchronous.AsyncLuma(provider, api_key, base_url, **options)

    @property
    def provider(self) -> str:
        """The name of the provider."""
        return self._async.provider

    @property
    def capabilities(self) -> Capabilities:
        """The operations, options and limits of the provider."""
        return self._async.capabilities

    @property
    def is_closed(self) -> bool:
        """Whether the client, or one that it shares its connections with, was closed: its calls raise then."""
        return self._async.is_closed

    def with_options(self, **changes: Unpack[OptionChanges]) -> Self:
        """
        Return a copy with other options, for one call or for many. It shares the connections: closing one closes both.

        Args:
            **changes: Any option down to `pickle_key`, such as `timeout`, `deadline` or `on_ambiguous`.

        Raises:
            InvalidArgumentError: There is no such option, or its value is invalid.
        """
        return mirror(type(self), self._async.with_options(**changes))

    def close(self) -> None:
        """Close the connections. A later call raises an error; closing again does nothing."""
        run(self._async.aclose())

    def __enter__(self) -> Self:
        run(self._async.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run(self._async.__aexit__(kind, error, trace))

    def __repr__(self) -> str:
        return repr(self._async).replace("AsyncLuma", type(self).__name__, 1)

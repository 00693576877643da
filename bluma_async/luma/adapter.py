"""
An adapter: one provider as data. It builds calls, says how their answers are decoded, and declares its capabilities.

Nothing here sends a request. A new provider is one module with a class derived from `Adapter`; the registry lists it,
and the conformance suite runs it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Dict, Mapping, Sequence

import attrs

from bluma_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    from bluma_async._wire.call import Call
    from bluma_async.luma.decoder import Decoder
    from bluma_async.types import Generation

__all__ = ["Adapter", "Capabilities", "unsupported"]


@attrs.frozen(kw_only=True)
class Capabilities:
    """
    The operations, options and limits of a provider.

    Attributes:
        generate: Make a video from a prompt.
        extend: Make a video longer.
        modify: Change a video.
        extension_ratio: Accept an aspect ratio for an extension. The default is the ratio of the extended generation,
            if this client created it.
        loop: Join the end of a video to its start.
        callback: Send a request to a URL of the caller when a generation ends.
        signed_callback: Sign that request.
        max_bulk: The number of generations that one request can read.
        aspect_ratios: The documented aspect ratios. Other ratios are sent too, with a warning.
        poll_interval: Default seconds between two polls.
        timeout: Default seconds to wait.
    """

    generate: bool = True
    extend: bool = False
    extension_ratio: bool = False
    modify: bool = False
    loop: bool = False
    callback: bool = False
    signed_callback: bool = False
    max_bulk: int = 1
    aspect_ratios: Sequence[str] = ()
    poll_interval: float = 5.0
    timeout: float = 600.0

    def describe(self) -> str:
        """Return the supported operations, separated by commas."""
        names = ("generate", "extend", "modify", "loop", "callback")
        return ", ".join(name for name in names if getattr(self, name))


class Adapter(ABC):
    """
    One provider.

    Attributes:
        name: The name in `AsyncLuma(name)`, in the command line, and of the sandbox's module.
        base_url: The URL of the provider's API.
        key_variable: The environment variable with the API key. It ends in `API_KEY`; the one with the base URL has the
            same name with `BASE_URL`.
        capabilities: The operations of the provider. Every operation that is not declared here is refused.
        decoder: The decoder of the provider's answers.
    """

    name: str
    base_url: str
    key_variable: str
    capabilities: Capabilities
    decoder: Decoder

    @abstractmethod
    def build_create(self, arguments: Mapping[str, Any]) -> Call[Generation]:
        """Build the call that starts a generation or a modification."""

    @abstractmethod
    def build_read(self, ids: Sequence[str]) -> Call[Dict[str, Generation]]:
        """Build the call that reads at most `max_bulk` generations; the result leaves out unknown ids."""

    def build_extend(self, generation_id: str, arguments: Mapping[str, Any]) -> Call[Generation]:  # noqa: ARG002 - for those that can
        """Build the call that extends a generation. Without an implementation, extending is refused."""
        raise unsupported(self, "extend videos")

    def parse_callback(self, body: bytes, headers: Mapping[str, str], secret: str | None) -> str:  # noqa: ARG002 - for those that can
        """
        Return the id of the generation in a callback. Without an implementation, callbacks are refused.

        Raises:
            WebhookVerificationError: The signature is wrong, or there is no id.
        """
        raise unsupported(self, "call back")


def unsupported(adapter: Adapter, operation: str) -> InvalidArgumentError:
    """Return the error for an operation that the provider does not have."""
    supported = adapter.capabilities.describe()
    return InvalidArgumentError(f"{adapter.name} cannot {operation}; it can {supported}. Nothing was sent.")

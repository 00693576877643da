"""
One provider's API, as its module declares it, and the list of all of them.

A module has the name of its provider in the client's registry, and an `API`. The registry's names are the only thing
that the sandbox takes from the client: code that both sides shared could be wrong on both without a test noticing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

import attrs

from bluma_async.luma.registry import PROVIDERS

if TYPE_CHECKING:
    from bluma_async.sandbox.routing import Handler
    from bluma_async.sandbox.state import State
    from bluma_async.sandbox.tables import Row

__all__ = ["CallbackFormat", "ProviderApi", "load_apis"]


def no_headers(_row: Row, _timestamp: str, _secret: str) -> Mapping[str, str]:
    """Return no headers: most providers do not sign their callbacks."""
    return {}


@attrs.frozen(kw_only=True)
class CallbackFormat:
    """
    The callbacks of a provider.

    Attributes:
        url_field: The field of a create that has the callback's URL.
        build_body: Returns the JSON body for a generation.
        build_headers: Returns the headers with the signature, from the generation, the Unix time and the secret.
    """

    url_field: str
    build_body: Callable[[State, Row], Mapping[str, Any]]
    build_headers: Callable[[Row, str, str], Mapping[str, str]] = no_headers


@attrs.frozen(kw_only=True)
class ProviderApi:
    """
    The API of a provider.

    Attributes:
        base_path: The path of the client's `base_url` on the sandbox.
        routes: Method, path below `base_path`, and handler.
        callback: The format of callbacks, or None if there are none.
    """

    base_path: str
    routes: Sequence[Tuple[str, str, Handler]]
    callback: Optional[CallbackFormat] = None

    def list_routes(self) -> Sequence[Tuple[str, str, Handler]]:
        """Return the routes with their full paths."""
        return [(method, self.base_path + path, handler) for method, path, handler in self.routes]


def load_apis() -> Dict[str, ProviderApi]:
    """Return the API of every provider in the registry, by the provider's name."""
    return {name: import_module(f"{__package__}.{name}").API for name in PROVIDERS}

"""
The providers of Luma, by name: the one list that the client, the command line, the sandbox and the tests read.

A new provider is one module with its adapter, imported and listed here. The modules are imported by name, not searched
for in the folder: type checkers and packaging tools follow an import, and cannot follow a search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Literal

from bluma_async.luma.kie import Kie
from bluma_async.luma.umami import Umami
from bluma_async.luma.vapi import VApi

if TYPE_CHECKING:
    from bluma_async.luma.adapter import Adapter

__all__ = ["PROVIDERS", "ProviderName", "list_providers"]

PROVIDERS: Dict[str, Adapter] = {adapter.name: adapter for adapter in (Kie(), Umami(), VApi())}
# Type checkers need the names as literal text; a test compares them with PROVIDERS.
ProviderName = Literal["kie", "umami", "vapi"]


def list_providers(capability: str) -> List[str]:
    """Return the names of the providers with a capability, such as `generate` or `modify`."""
    return [name for name, adapter in PROVIDERS.items() if getattr(adapter.capabilities, capability)]

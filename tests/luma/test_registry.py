"""The registry is the one list of providers: the client, the command line and the sandbox read it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Iterator, get_type_hints

import pytest
from typing_extensions import get_args

import bluma_async.sandbox.luma
from bluma_async import AsyncLuma, errors
from bluma_async.cli.luma import luma as command
from bluma_async.luma.adapter import Adapter
from bluma_async.luma.registry import PROVIDERS, ProviderName, list_providers
from bluma_async.sandbox.luma.provider_api import load_apis
from facade.source import parse
from tests.luma import fourth

SANDBOX = Path(str(bluma_async.sandbox.luma.__file__)).parent


def test_the_literal_lists_the_registry() -> None:
    """Type checkers accept the names in the registry, and no others."""
    assert get_args(ProviderName) == tuple(PROVIDERS)
    assert [adapter.name for adapter in PROVIDERS.values()] == list(PROVIDERS)


@pytest.mark.parametrize("adapter", PROVIDERS.values(), ids=list(PROVIDERS))
def test_an_adapter_is_complete(adapter: Adapter) -> None:
    """Each adapter has the attributes that Adapter declares, and operations for its capabilities."""
    assert set(get_type_hints(Adapter, localns={"Decoder": object})) <= set(dir(adapter))
    assert adapter.key_variable.endswith("API_KEY")
    assert adapter.capabilities.extend == (type(adapter).build_extend is not Adapter.build_extend)
    assert adapter.capabilities.callback == (type(adapter).parse_callback is not Adapter.parse_callback)


@pytest.mark.parametrize("name", ["generate", "extend", "modify"])
def test_a_command_offers_the_providers_with_its_capability(name: str) -> None:
    """The choices of `--provider` come from the registry."""
    [option] = [option for option in command.commands[name].params if option.name == "provider"]

    assert list(getattr(option.type, "choices", ())) == list_providers(name)


def test_the_sandbox_has_the_providers_of_the_registry() -> None:
    """Each provider has a sandbox module of its name, with paths of its own; callbacks are as the adapter declares."""
    apis = load_apis()

    assert list(apis) == list(PROVIDERS)
    assert len({api.base_path for api in apis.values()}) == len(apis)
    for name, api in apis.items():
        assert (api.callback is not None) == PROVIDERS[name].capabilities.callback


def list_client_imports(path: Path) -> Iterator[str]:
    """Yield the modules of the client for Luma that a file imports."""
    for node in ast.walk(parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (name for name in names if name.startswith("bluma_async.luma"))


def test_the_sandbox_takes_only_the_names_from_the_client() -> None:
    """Code that client and sandbox share, such as a signature, could be wrong on both sides without a failing test."""
    found = {name for path in SANDBOX.glob("*.py") for name in list_client_imports(path)}

    assert found == {"bluma_async.luma.registry"}


def test_a_registered_provider_has_a_client() -> None:
    """A fourth provider is known while it is registered, with its environment variables, and unknown afterwards."""
    with fourth.register() as name:
        luma = AsyncLuma(name, "key")  # type: ignore[arg-type]  # a name that is not in the package
        assert (luma.provider, luma.capabilities.describe()) == ("fourth", "generate")
        assert "https://fourth.example.com" in repr(luma)
        assert list_providers("generate") == ["umami", "vapi", "fourth"]
        assert load_apis()[name].base_path == "/fourth"
        with pytest.raises(errors.BlumaError, match="FOURTH_API_KEY"):
            AsyncLuma(name)  # type: ignore[arg-type]  # a name that is not in the package
    with pytest.raises(errors.InvalidArgumentError, match="provider must be one of kie, umami, vapi"):
        AsyncLuma("fourth", "key")  # type: ignore[arg-type]  # unknown again


async def test_unsupported_operations_are_refused_by_default() -> None:
    """An adapter without extensions and callbacks inherits the refusals."""
    with fourth.register() as name:
        luma = AsyncLuma(name, "key")  # type: ignore[arg-type]  # a name that is not in the package
        for operation in (PROVIDERS[name].build_extend, lambda *_: PROVIDERS[name].parse_callback(b"", {}, None)):
            with pytest.raises(errors.InvalidArgumentError, match="fourth cannot"):
                operation("id", {})
        with pytest.raises(errors.InvalidArgumentError, match="fourth cannot extend videos; it can generate"):
            await luma.generations.extend("id", "x")

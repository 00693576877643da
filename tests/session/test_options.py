"""Options have one source: every repeated name, type, default and description is compared with it."""

from __future__ import annotations

import inspect
import re
import ssl
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple
from unittest.mock import Mock

import aiohttp
import attrs
import pytest

from bluma import Bluma
from bluma_async import AsyncBluma, AsyncLuma, errors
from bluma_async._session.options import ClientOptions, ConnectionOptions, OptionChanges, Options
from bluma_sync.luma.client import Luma
from tests.fakes import FakeClock, FakeTransport

ROOT = Path(__file__).resolve().parents[2]
KEY = "bluma_test_key"
SOURCES = (Options, ConnectionOptions)
FIELDS: Dict[str, Any] = {field.name: field for source in SOURCES for field in attrs.fields(source)}
NONE_IS_DEFAULT = {"api_key", "base_url", "default_headers"}  # None stands for the environment, or for no headers
SAMPLES: Mapping[str, Any] = {
    "api_key": "bluma_test_other",
    "base_url": "https://x/v1",
    "timeout": 7.0,
    "max_retries": 8,
    "retry_delay": 9.0,
    "retry_multiplier": 10.0,
    "deadline": 11.0,
    "retry_jitter": 0.5,
    "max_retry_after": 12.0,
    "on_ambiguous": "raise",
    "exclusive": True,
    "validate": "warn",
    "reuse": "content",
    "settle_time": 13.0,
    "should_retry": lambda *_: False,
    "calculate_retry_delay": lambda _: 1.0,
    "default_headers": {"X-A": "b"},
    "webhook_secret": "whsec_x",
    "on_request": lambda _: 1,
    "on_response": lambda _: 2,
    "on_retry": lambda _: 3,
    "pickle_key": True,
}


def read_signature(cls: Any) -> Dict[str, inspect.Parameter]:
    """Return the options in the signature of a class."""
    parameters = dict(inspect.signature(cls.__init__).parameters)
    del parameters["self"]
    return parameters


def read_types(dictionary: Any) -> Dict[str, str]:
    """Return the types of a typed dictionary as they are written."""
    return {name: getattr(kind, "__forward_arg__", kind) for name, kind in dictionary.__annotations__.items()}


def argument_type(name: str) -> str:
    """Return the type of an option as an argument."""
    written: str = FIELDS[name].type
    return f"{written} | None" if name in NONE_IS_DEFAULT else written


def described(docstring: str | None, heading: str) -> Dict[str, str]:
    """Return the entries of one section of a docstring, each in one line."""
    assert docstring is not None
    section = inspect.cleandoc(docstring).partition(f"{heading}:\n")[2].partition("\n\n")[0]
    entries = re.split(r"\n    (?=\w)", "\n" + section)[1:]
    return {name: " ".join(text.split()) for name, _, text in (entry.partition(":") for entry in entries)}


@pytest.mark.parametrize("client", [AsyncBluma, Bluma])
def test_the_signature_has_every_option_with_its_type_and_default(client: Any) -> None:
    """The constructor of a client lists the options of both sources, and no others."""
    parameters = read_signature(client)

    assert set(parameters) == set(FIELDS)
    for name, parameter in parameters.items():
        default = None if name in NONE_IS_DEFAULT else FIELDS[name].default
        assert (name, parameter.annotation, parameter.default) == (name, argument_type(name), default)


@pytest.mark.parametrize("client", [AsyncBluma, Bluma])
def test_the_documentation_describes_every_option_in_the_same_words(client: Any) -> None:
    """The constructor's docstring repeats the descriptions of the sources, in the order of its own arguments."""
    source: Dict[str, str] = {}
    for each in SOURCES:
        source.update(described(each.__doc__, "Attributes"))

    found = described(client.__init__.__doc__, "Args")

    assert set(source) == set(FIELDS)
    assert found == source
    assert list(found) == list(read_signature(client))


def test_the_typed_dictionaries_have_the_same_options() -> None:
    """`with_options` changes every option of `Options`; a client takes the others too, besides its key and URL."""
    changes, arguments = read_types(OptionChanges), read_types(ClientOptions)

    assert changes == {
        name: FIELDS[name].type if name in {"api_key", "base_url"} else argument_type(name) for name in Options.names()
    }
    assert arguments == {name: argument_type(name) for name in FIELDS if name not in {"api_key", "base_url"}}


@pytest.mark.parametrize("client", [AsyncBluma, Bluma, AsyncLuma, Luma])
def test_with_options_is_typed(client: Any) -> None:
    """Each client's `with_options` takes the typed dictionary, so that type checkers find a misspelled option."""
    parameter = inspect.signature(client.with_options).parameters["changes"]

    assert (parameter.kind, parameter.annotation) == (parameter.VAR_KEYWORD, "Unpack[OptionChanges]")


@pytest.mark.parametrize("client", [AsyncLuma, Luma])
def test_the_clients_of_luma_are_typed(client: Any) -> None:
    """Their constructors take the same options as Bluma's."""
    assert read_signature(client)["options"].annotation == "Unpack[ClientOptions]"


def test_mypy_checks_the_calls_that_must_fail() -> None:
    """`typed_options.py` is a part of the type check, and an unused `type: ignore` fails that."""
    config = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert '"tests.session.typed_options"' in config
    assert "timout" in (ROOT / "tests/session/typed_options.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Options.names())
def test_every_option_arrives(name: str) -> None:
    """An argument of the constructor, or of `with_options`, becomes the option of the same name."""
    passed: Any = {"api_key": KEY, name: SAMPLES[name]}

    made = AsyncBluma(**passed)._session.options
    changed = AsyncBluma(KEY).with_options(**{name: SAMPLES[name]})._session.options  # type: ignore[misc]  # one of many

    assert made == changed
    assert getattr(made, name) == SAMPLES[name]
    assert getattr(AsyncBluma(KEY)._session.options, name) != SAMPLES[name]


async def test_the_options_of_the_connections_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is passed to the transport; a transport and a clock replace the built-in ones."""
    passed: List[Dict[str, Any]] = []
    samples: Dict[str, Any] = {
        "connection_limit": 5,
        "proxy": "http://p",
        "trust_env": False,
        "ssl_context": ssl.create_default_context(),
        "http_session": Mock(spec=aiohttp.ClientSession),
        "trace_configs": (aiohttp.TraceConfig(),),
    }
    from bluma_async._session import transport

    monkeypatch.setattr(transport, "AiohttpTransport", lambda **options: passed.append(options))
    clock, fake = FakeClock(), FakeTransport()

    AsyncBluma(KEY, **samples)._session.shared.connections.get()
    replaced = AsyncBluma(KEY, transport=fake, clock=clock)._session.shared

    assert passed[0].pop("now")() > 0
    assert passed == [samples]
    assert set(ConnectionOptions.names()) == {*samples, "transport", "clock", "telemetry", "shared"}
    assert (replaced.connections.get(), replaced.clock) == (fake, clock)


INVALID: List[Tuple[str, Any]] = [
    *(("clock", value) for value in (5, FakeTransport(), FakeClock, {"now": 1})),
    *(("transport", value) for value in (5, FakeClock(), "aiohttp")),
    *(("http_session", value) for value in (5, "x", FakeTransport())),
    *(("trace_configs", value) for value in (5, None, "x", [1], aiohttp.TraceConfig())),
    *(("ssl_context", value) for value in (False, 5, "x.pem")),
    *(("trust_env", value) for value in ("no", 0, None)),
    *(("webhook_secret", value) for value in (5, " ", ["a", "b"], b"x", "\ud800")),
]


@pytest.mark.parametrize("make", [partial(AsyncBluma, KEY), partial(Bluma, KEY), partial(AsyncLuma, "kie", KEY)])
@pytest.mark.parametrize(("name", "value"), INVALID)
def test_an_invalid_option_is_refused_before_there_is_a_client(make: Any, name: str, value: Any) -> None:
    """The error names the option, and does not wait for the first call."""
    with pytest.raises(errors.InvalidArgumentError, match=f"^{name} must be ") as caught:
        make(**{name: value})

    assert caught.value.field == name


@pytest.mark.parametrize("variable", [None, "whsec_mine"])
def test_an_empty_secret_counts_as_none(monkeypatch: pytest.MonkeyPatch, variable: str | None) -> None:
    """`webhook_secret=os.environ.get("SECRET", "")` works without the variable; an empty key verifies nothing."""
    if variable is not None:
        monkeypatch.setenv("BLUMA_WEBHOOK_SECRET", variable)

    client = AsyncBluma(KEY, webhook_secret="")

    assert client.webhooks.secret == variable
    assert client.with_options(webhook_secret="").webhooks.secret is None


def test_the_value_of_an_invalid_secret_is_not_shown() -> None:
    """A list of secrets is a likely mistake, and errors are logged."""
    with pytest.raises(errors.InvalidArgumentError) as caught:
        AsyncBluma(KEY, webhook_secret=["whsec_one"])  # type: ignore[arg-type]  # the mistake is the test

    assert "whsec_one" not in str(caught.value)


def test_an_option_that_does_not_exist_is_refused() -> None:
    """A misspelled option is an error for every client; it is not ignored."""
    with pytest.raises(errors.InvalidArgumentError, match=r"There is no option timout\. The options are api_key"):
        AsyncLuma("kie", "key", timout=5)  # type: ignore[call-arg]  # the mistake is the test
    with pytest.raises(TypeError, match="timout"):
        AsyncBluma(KEY, timout=5)  # type: ignore[call-arg]  # the mistake is the test
    with pytest.raises(errors.InvalidArgumentError, match="proxy"):
        AsyncBluma(KEY).with_options(proxy="http://p")  # type: ignore[call-arg]  # connections are shared by copies


def test_copies_treat_keys_urls_and_headers_as_the_constructor_does() -> None:
    """Blanks around a key and a slash after a URL do not matter, and None means no headers."""
    changed: Any = {"api_key": " bluma_test_other\n", "base_url": "https://x/v1/", "default_headers": None}

    options = AsyncBluma(KEY).with_options(**changed)._session.options

    assert (options.api_key, options.base_url, options.default_headers) == ("bluma_test_other", "https://x/v1", {})

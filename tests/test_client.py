"""Setting a client up: arguments, environment, invalid options, secrets and resources."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Mapping
from unittest.mock import AsyncMock, MagicMock, Mock, create_autospec

import pytest

from bluma import Bluma
from bluma_async import AsyncBluma, AsyncLuma, errors, sign_webhook, types

KEY = "bluma_test_secret"
BODY = b'{"id": "evt_1", "type": "video.queued", "data": {"id": "b"}}'


def get_options(client: AsyncBluma) -> Any:
    """Return the options of a client."""
    return client._session.options


def test_the_defaults_are_the_documented_ones() -> None:
    """Items 4, 5 and 7: a key is enough, and everything else is as documented."""
    options = get_options(AsyncBluma(api_key=KEY))

    assert options.base_url == "https://api.getbluma.com/api/v1"
    assert (options.timeout, options.max_retries, options.retry_delay, options.retry_multiplier) == (30, 3, 1.0, 2.0)
    assert (options.retry_jitter, options.deadline, options.max_retry_after, options.on_ambiguous) == (
        0,
        None,
        None,
        "reconcile",
    )


def test_arguments_take_precedence_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments come first, then the BLUMA_ variables; a trailing slash of the URL does not matter."""
    monkeypatch.setenv("BLUMA_API_KEY", " bluma_live_environment\n")
    monkeypatch.setenv("BLUMA_BASE_URL", "http://localhost:5001/api/v1/")
    monkeypatch.setenv("BLUMA_WEBHOOK_SECRET", "whsec_environment")

    from_environment = get_options(AsyncBluma(api_key=None))
    passed = get_options(AsyncBluma(KEY, base_url="https://x/v1", webhook_secret="whsec_mine"))

    assert from_environment.api_key == "bluma_live_environment"
    assert from_environment.base_url == "http://localhost:5001/api/v1"
    assert from_environment.webhook_secret == "whsec_environment"
    assert (passed.api_key, passed.base_url, passed.webhook_secret) == (KEY, "https://x/v1", "whsec_mine")


@pytest.mark.parametrize("key", [None, "", "   "])
def test_a_missing_key_is_an_error(key: Any) -> None:
    """Item 10: without a key there is no client, and the error names the variable to set."""
    with pytest.raises(errors.BlumaError, match="BLUMA_API_KEY"):
        AsyncBluma(api_key=key)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": "30"},
        {"timeout": True},
        {"timeout": float("nan")},
        {"deadline": 0},
        {"max_retries": -1},
        {"max_retries": 1.5},
        {"retry_delay": -0.1},
        {"retry_multiplier": -1},
        {"retry_jitter": float("inf")},
        {"max_retry_after": -1},
        {"on_ambiguous": "hope"},
        {"should_retry": 5},
        {"calculate_retry_delay": "x"},
        {"on_request": 1},
        {"default_headers": {"X": 5}},
        {"default_headers": {"X": "a\r\nB: c"}},
        {"default_headers": {"": "a"}},
        {"base_url": "api.getbluma.com/api/v1"},
        {"base_url": "ftp://x"},
        {"base_url": "http://"},
        {"base_url": "http://x:0/"},
        {"base_url": "http://x:port/"},
        {"base_url": "http://user:password@x/"},
        {"base_url": "http://x/?a=b"},
        {"base_url": 5},
        {"connection_limit": 0},
        {"connection_limit": "x"},
    ],
)
def test_invalid_options_are_refused(options: Any) -> None:
    """The constructor refuses an invalid option; the error names it and says which values are valid."""
    with pytest.raises(errors.InvalidArgumentError, match=next(iter(options))) as caught:
        AsyncBluma(KEY, **options)

    assert "must be" in str(caught.value)
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("key", ["bluma_test_a\nb", "bluma test", "bluma_test_ü"])
def test_an_invalid_key_is_refused_and_not_shown(key: str) -> None:
    """A key with a line break cannot be sent in a header; the error does not contain the key."""
    with pytest.raises(errors.InvalidArgumentError, match="api_key") as caught:
        AsyncBluma(key)

    assert key not in str(caught.value)


def test_secrets_are_in_no_repr() -> None:
    """No repr contains the key or the webhook secret."""
    client = AsyncBluma(KEY, webhook_secret="whsec_secret", default_headers={"X-Y": "z"})

    shown = repr(client) + repr(get_options(client)) + repr(client._session._begin(_call(), None))

    assert "secret" not in shown.replace("webhook_secret", "")


def _call() -> Any:
    from bluma_async._wire import call

    return call.get("/x", str)


async def test_resources_are_attributes_of_the_class() -> None:
    """Items 14 and 115: mocks made from the class have every resource."""
    names = ["videos", "templates", "credits", "webhooks", "variants", "collections", "assets", "api_keys", "usage"]
    mock, auto = Mock(spec=AsyncBluma), create_autospec(AsyncBluma)
    client = AsyncBluma(KEY)

    mock.videos.create.return_value = 5

    assert await mock.videos.create() == 5
    assert [type(getattr(client, name)) for name in names] == [getattr(AsyncBluma, name) for name in names]
    assert [getattr(client, name) is getattr(client, name) for name in names] == [True] * 9
    assert auto.videos.create is not None
    with pytest.raises(AttributeError):
        _ = mock.nothing


MOCKS: Mapping[str, Callable[[], Any]] = {
    "class": lambda: Mock(spec=AsyncBluma),
    "magic": lambda: MagicMock(spec=AsyncBluma),
    "client": lambda: Mock(spec=AsyncBluma(KEY)),
    "autospec": lambda: create_autospec(AsyncBluma, instance=True),
    "autospec of the class": lambda: create_autospec(AsyncBluma)(KEY),
}


@pytest.mark.parametrize("kind", MOCKS)
async def test_the_methods_of_a_mock_can_be_awaited(kind: str) -> None:
    """Mocks of the async client, of its class and of an object, return coroutines where the client does."""
    mock = MOCKS[kind]()
    mock.videos.create.return_value = 7
    mock.open_creates = []

    assert await mock.videos.create({"prompt": "x"}, "t") == 7
    await mock.credits.get_balance()
    await mock.settle()
    await mock.aclose()

    mock.videos.create.assert_awaited_once_with({"prompt": "x"}, "t")
    assert (mock.settle.await_count, mock.aclose.await_count) == (1, 1)


async def test_mocks_of_the_other_clients() -> None:
    """The methods of Luma's client can be awaited too; those of the blocking clients return their values."""
    luma, blocking = Mock(spec=AsyncLuma), Mock(spec=Bluma)
    for mock in (luma.generations.create, luma.modifications.wait_for, blocking.videos.create):
        mock.return_value = 7

    assert (await luma.generations.create("x"), await luma.modifications.wait_for("t")) == (7, 7)
    assert blocking.videos.create({"prompt": "x"}) == 7
    assert not isinstance(blocking.videos, AsyncMock)


def test_webhooks_are_verified_by_class_and_instance() -> None:
    """On the class, `verify` needs a secret; on a client it uses the client's own."""
    signature = sign_webhook(BODY, "whsec_mine")
    client = AsyncBluma(KEY, webhook_secret="whsec_mine")

    assert AsyncBluma.webhooks.verify(BODY, signature, "whsec_mine").id == "evt_1"
    assert client.webhooks.verify(BODY, signature).type == "video.queued"
    assert client.webhooks.verify(BODY, sign_webhook(BODY, "whsec_other"), "whsec_other").id == "evt_1"
    for verify in (AsyncBluma.webhooks.verify, AsyncBluma(KEY).webhooks.verify):
        with pytest.raises(errors.WebhookVerificationError, match="secret"):
            verify(BODY, signature)
    with pytest.raises(errors.WebhookVerificationError):
        client.webhooks.verify(BODY, signature, None)
    assert "whsec_mine" not in str(inspect.signature(client.webhooks.verify))


def test_documented_types_and_errors_can_be_imported() -> None:
    """Items 92, 113 and 114: the names in the documents can be imported."""
    documented = (
        "Video VideoStatus Template CreditBalance Transaction Webhook WebhookEvent TemplateVariant Collection Asset "
        "AssetUploadResponse"
    )

    assert all(hasattr(types, name) for name in documented.split())
    assert [status.name for status in types.VideoStatus] == ["QUEUED", "PROCESSING", "COMPLETED", "FAILED"]


@pytest.mark.parametrize("make", [AsyncBluma, Bluma])
def test_options_are_read_only_attributes(make: Any) -> None:
    """Programs of 1.2.0 read the options; they are changed by `with_options`, and the key is in no repr."""
    client = make(KEY, "https://x/v1/", 10, 5, 2.0, 3.0)
    copy = client.with_options(timeout=20.0, api_key="bluma_test_other")

    assert (client.api_key, client.base_url, client.timeout) == (KEY, "https://x/v1", 10)
    assert (client.max_retries, client.retry_delay, client.retry_multiplier) == (5, 2.0, 3.0)
    assert (copy.api_key, copy.timeout, client.timeout) == ("bluma_test_other", 20.0, 10)
    assert KEY not in repr(client) + str(vars(client))
    for name in ("api_key", "base_url", "timeout", "max_retries", "retry_delay", "retry_multiplier"):
        with pytest.raises(AttributeError, match=rf"{name} cannot be set.*with_options\({name}="):
            setattr(client, name, 1)
        assert hasattr(make, name)
        assert getattr(Mock(spec=make), name) is not None


async def test_a_client_says_whether_it_is_closed() -> None:
    """Closing a client closes its copies; closing again does nothing."""
    client, luma = AsyncBluma(KEY), AsyncLuma("kie", "key")
    copy = client.with_options(timeout=1.0)
    assert (client.is_closed, copy.is_closed, luma.is_closed) == (False,) * 3

    async with copy, luma:
        pass

    assert (client.is_closed, copy.is_closed, luma.is_closed) == (True,) * 3
    with pytest.raises(errors.BlumaError, match="closed"):
        await client.templates.list()


def test_a_blocking_client_says_whether_it_is_closed() -> None:
    """A `with` block closes it at its end."""
    with Bluma(KEY) as client:
        assert client.is_closed is False

    assert client.is_closed is True


@pytest.mark.parametrize("key", [123, b"bluma_test_secret", ["bluma_test_secret"]])
def test_a_key_of_a_wrong_type_is_named(key: Any) -> None:
    """The message names the type, and never the value."""
    with pytest.raises(errors.InvalidArgumentError, match=f"api_key must be text, not {type(key).__name__}") as caught:
        AsyncBluma(api_key=key)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("client", [AsyncBluma(KEY), AsyncLuma("kie", KEY)], ids=lambda client: type(client).__name__)
def test_an_async_client_explains_a_plain_with(client: Any) -> None:
    """`with AsyncBluma()` names `async with`, and the blocking client."""
    name = type(client).__name__

    with pytest.raises(TypeError, match=f"write `async with {name}.*The blocking client is {name[5:]}"), client:
        pass


async def test_a_blocking_client_explains_an_async_with() -> None:
    """`async with Bluma()` names `with`, and the async client."""
    client: Any = Bluma(KEY)

    with pytest.raises(TypeError, match=r"write `with Bluma.*The async client is AsyncBluma"):
        async with client:
            pass

"""Arguments of any kind: a method succeeds, or raises one of the SDK's own errors."""

from __future__ import annotations

import contextlib
import importlib
import inspect
from pathlib import Path
from typing import Any, AsyncIterator, Dict, Iterator, List, Tuple

import pytest

from bluma_async import AsyncBluma, AsyncLuma, errors
from tests.fakes import FakeClock, FakeTransport, answer

with contextlib.suppress(ImportError):  # its first import reads files, which a test with an event loop must not
    importlib.import_module("opentelemetry.context")
ODD: List[Any] = [
    *(None, True, 5, -1, 1.5, 10**400, float("nan"), float("inf"), b"", b"\xff", object(), Path("new/x")),
    *("", " ", "\0", "a\0b", "\ud800", "x" * 5000, "\U0001d54f\u202e", "..", "a/b", "a b\r\nX: y"),
    *("http://[", "http://h:99999/", "http://\ud800/", "ftp://x", "http://" + "a" * 70, "folder", "no/such"),
    *([], [None], ["\ud800"], ["\0"], {}, {"a": object()}, {"\ud800": "\ud800"}, {5: 5}, set(), (1, 2), iter([1])),
]
# An answer to everything, with links that nothing can be sent to.
ANSWER: Dict[str, Any] = {
    **dict.fromkeys(("id", "asset_id", "template_id"), "a"),
    **dict.fromkeys(("status", "state"), "completed"),
    "code": 200,
    "created_at": "2025-11-03T10:30:00Z",
    "data": {"taskId": "a", "id": "a", "state": "completed"},
    "download_url": "http://[",
    "upload_url": "http://h:99999/\ud800",
    "video": {"url": "http://["},
}
FUNCTIONS = {"on_progress", "on_change"}  # of the user's
ELSEWHERE = {"receive_callback", "save", "path", "save_to", "verify"}  # files and webhooks have tests of their own
USUAL: Dict[str, Any] = {
    **dict.fromkeys(("url", "video_url"), "https://example.com/x.mp4"),
    "context": {"prompt": "x"},
    "file": b"x",
    "file_type": "image/png",
    "files": [b"x"],
    "poll_interval": 1.0,
    "template_id": "t",
    "timeout": 3.0,
}
OPTIONS: Dict[str, Any] = {"max_retries": 0, "retry_delay": 0.0, "settle_time": 0.0}
RESOURCES = ("videos", "templates", "credits", "webhooks", "variants", "collections", "assets", "api_keys", "usage")
CALLS = [("bluma", name) for name in RESOURCES]
CALLS += [(name, "generations") for name in ("umami", "vapi")] + [("kie", "modifications")]


def list_calls(resource: Any) -> Iterator[Tuple[Any, str, Dict[str, Any]]]:
    """Yield each method of a resource with each of its parameters, and arguments for the others."""
    for name, method in inspect.getmembers(resource, callable):
        if name.startswith("_") or name in ELSEWHERE:
            continue
        parameters = inspect.signature(method).parameters.values()
        needed = {each.name: USUAL.get(each.name, "x") for each in parameters if each.default is each.empty}
        if name in {"create", "generate"} and "context" in needed:
            needed["template_id"] = "t"
        for each in parameters:
            if each.name not in FUNCTIONS | ELSEWHERE:
                yield method, each.name, {name: value for name, value in needed.items() if name != each.name}


async def use(method: Any, arguments: Dict[str, Any]) -> None:
    """Call a method, and take what it returns."""
    result = method(**arguments)
    if inspect.isawaitable(result):
        await result
    elif isinstance(result, AsyncIterator):
        async for _ in result:
            break


def make_client(api: str) -> Any:
    """Return a client without a network."""
    transport, clock = FakeTransport(answer(200, ANSWER)), FakeClock()
    if api == "bluma":
        return AsyncBluma("bluma_test_key", transport=transport, clock=clock, **OPTIONS)
    return AsyncLuma(api, "key_0123456789", transport=transport, clock=clock, **OPTIONS)  # type: ignore[arg-type]  # a name


async def find_foreign(method: Any, arguments: Dict[str, Any]) -> str:
    """Return the error of a call, if it is not one of the SDK's own."""
    try:
        await use(method, arguments)
    except errors.BlumaError:
        return ""
    except Exception as error:  # noqa: BLE001 - it is what the test looks for
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.filterwarnings(
    "ignore:kie takes prompts in English only", "ignore::bluma_async._runtime.notices.BlumaWarning"
)
@pytest.mark.parametrize(("api", "name"), CALLS)
async def test_methods_raise_only_the_sdks_own_errors(api: str, name: str, tmp_path: Path, monkeypatch: Any) -> None:
    """Each parameter of each method, with each odd value."""
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    found: List[str] = []

    for method, parameter, arguments in list_calls(getattr(make_client(api), name)):
        for odd in ODD:
            foreign = await find_foreign(method, {**arguments, parameter: odd})
            found += [f"{method.__name__}({parameter}={odd!r}): {foreign}"] if foreign else []

    assert found == []


@pytest.mark.parametrize(
    "name", [name for name in inspect.signature(AsyncBluma).parameters if name not in {"transport", "clock"}]
)
async def test_options_raise_only_the_sdks_own_errors(name: str) -> None:
    """Each option of the client, with each odd value: it is refused, or the first call works."""

    async def get(**options: Any) -> None:
        given = {"api_key": "bluma_test_key", "transport": FakeTransport(answer(200, ANSWER)), **options}
        await AsyncBluma(**given, clock=FakeClock()).videos.get("a")

    found = {repr(odd): await find_foreign(get, {name: odd}) for odd in ODD}

    assert {odd: foreign for odd, foreign in found.items() if foreign} == {}


@pytest.mark.parametrize("proxy", ["socks5://x", "http://[", "http://h:99999", "http://x\n", "x", "//", "http://", 5])
async def test_a_proxy_that_cannot_be_used_is_refused(proxy: Any, monkeypatch: Any) -> None:
    """As an option it is refused at once; from the environment, at the first call, which was certainly not sent."""
    with pytest.raises(errors.InvalidArgumentError, match="proxy must be"):
        AsyncBluma("bluma_test_key", proxy=proxy)

    monkeypatch.setenv("http_proxy", str(proxy))
    async with AsyncBluma("bluma_test_key", base_url="http://host.example", **OPTIONS) as client:
        with pytest.raises(errors.InvalidArgumentError, match="correct HTTP_PROXY") as caught:
            await client.videos.create({"prompt": "x"}, "t")
        assert (caught.value.attempts, client.open_creates) == (1, [])

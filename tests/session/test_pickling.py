"""Clients in other processes: their options travel, and their key and connections do not."""

from __future__ import annotations

import copy
import pickle
import ssl
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest

from bluma_async import AsyncBluma, AsyncLuma, errors
from bluma_sync import Bluma, Luma
from tests.fakes import VIDEO, FakeClock, FakeTransport, answer
from tests.hostile.raw_server import RawServer, reply
from tests.hostile.raw_server import answer as answering

KEY = "bluma_test_0123456789"
OPTIONS = {"timeout": 5.0, "max_retries": 1, "default_headers": {"X-Y": "z"}, "settle_time": 3.0, "exclusive": True}


def send_and_return(client: Any) -> Any:
    """Pickle and unpickle an object."""
    return pickle.loads(pickle.dumps(client))


def options_of(client: Any) -> Any:
    """Return the options of an async client."""
    return client._session.options


def test_options_arrive_and_the_key_is_that_of_the_environment(monkeypatch: Any) -> None:
    """The key of the other end is used; connections and functions do not arrive."""
    client = AsyncBluma(KEY, "http://x.example/v1", **OPTIONS, on_request=print, should_retry=lambda *_: False)
    monkeypatch.setenv("BLUMA_API_KEY", "bluma_test_other")
    monkeypatch.setenv("BLUMA_WEBHOOK_SECRET", "whsec_other")

    pickled = pickle.dumps(client)
    arrived = options_of(pickle.loads(pickled))

    assert KEY.encode() not in pickled
    assert {name: getattr(arrived, name) for name in OPTIONS} == OPTIONS
    assert (arrived.api_key, arrived.webhook_secret) == ("bluma_test_other", "whsec_other")
    assert arrived.base_url == "http://x.example/v1"
    assert (arrived.on_request, arrived.should_retry) == (None, None)


def test_the_key_arrives_if_the_caller_says_so() -> None:
    """With `pickle_key=True`, which copies can have too, the secrets are pickled."""
    client = AsyncBluma(KEY, webhook_secret="whsec_mine")

    arrived = options_of(send_and_return(client.with_options(pickle_key=True)))

    assert (arrived.api_key, arrived.webhook_secret, arrived.pickle_key) == (KEY, "whsec_mine", True)
    assert b"whsec_mine" not in pickle.dumps(client)


async def test_without_a_key_the_first_call_says_so(monkeypatch: Any) -> None:
    """A client without a key can be unpickled: a pool of processes would lose its task otherwise."""
    client = send_and_return(AsyncBluma(KEY))
    luma = send_and_return(AsyncLuma("kie", KEY))

    with pytest.raises(errors.BlumaError, match=r"BLUMA_API_KEY is not set.*Nothing was sent") as caught:
        await client.videos.get("batch_1")
    with pytest.raises(errors.BlumaError, match="KIE_API_KEY"):
        await luma.modifications.get("a")

    assert caught.value.status == 401
    assert options_of(client.with_options(api_key="bluma_test_new")).api_key == "bluma_test_new"


def test_parts_of_a_client_stay_parts_of_one_client() -> None:
    """A client, its copies and its resources that are pickled together share their connections afterwards."""
    client = AsyncBluma(KEY, connection_limit=7, proxy="http://p", trust_env=False, pickle_key=True)
    client.videos  # noqa: B018 - a resource is made at its first use

    arrived, copied, videos = send_and_return((client, client.with_options(timeout=3), client.videos))

    assert arrived.videos is videos
    assert videos._session is arrived._session
    assert copied._session.shared is arrived._session.shared
    assert options_of(copied).timeout == 3


OBJECTS = {
    "ssl_context": ssl.create_default_context(),
    "http_session": Mock(spec=aiohttp.ClientSession),
    "transport": FakeTransport(),
}


@pytest.mark.parametrize("option", OBJECTS)
def test_a_client_with_an_object_of_the_callers_is_refused(option: str) -> None:
    """Without its `ssl_context`, a client would check certificates in another way than its owner wants."""
    passed: Any = {option: OBJECTS[option]}
    client = AsyncBluma(KEY, **passed)

    with pytest.raises(errors.BlumaError, match=f"{option} cannot be pickled"):
        pickle.dumps(client)


def test_a_secret_that_no_variable_has_is_not_left_out_silently() -> None:
    """Callbacks of kie.ai would not be verified any more in the other process."""
    client = AsyncLuma("kie", KEY, webhook_secret="hmac")

    with pytest.raises(errors.BlumaError, match="webhook_secret cannot be pickled without it"):
        pickle.dumps(client)
    assert options_of(send_and_return(client.with_options(pickle_key=True))).webhook_secret == "hmac"


async def test_copies_that_are_made_without_pickling_keep_everything() -> None:
    """`copy` and `deepcopy` share the connections, and have the key."""
    transport = FakeTransport(answer(200, VIDEO))
    client = AsyncBluma(KEY, transport=transport, clock=FakeClock())

    for copied in (copy.copy(client), copy.deepcopy(client)):
        await copied.videos.get("batch_1")

    assert [request.headers["Authorization"] for request in transport.requests] == [f"Bearer {KEY}"] * 2


def get_in_child(client: Any) -> str:
    """Read a video with a client that has arrived in another process."""
    with client:
        return str(client.videos.get("batch_1").id)


async def get_async(client: Any) -> str:
    """Read a video with an async client."""
    async with client:
        return str((await client.videos.get("batch_1")).id)


def get_async_in_child(client: Any) -> str:
    """Read a video with an async client that has arrived in another process."""
    import asyncio

    return asyncio.run(get_async(client))


def get_luma_in_child(client: Any) -> str:
    """Read a generation with a client that has arrived in another process."""
    with client:
        return str(client.generations.get("a").id)


def test_clients_work_in_a_spawned_process(monkeypatch: Any) -> None:
    """The blocking, the async and the Luma client, also after they have been used here; and a bound method."""
    monkeypatch.setenv("BLUMA_API_KEY", KEY)
    monkeypatch.setenv("UMAMI_API_KEY", KEY)
    video = b'{"id": "batch_1", "status": "completed", "created_at": "2025-11-03T10:30:00Z", "state": "completed"}'
    both = answering(reply(video.replace(b"batch_1", b"a")))
    with RawServer(answering(reply(video))) as server, RawServer(both) as other:
        blocking, luma = Bluma(base_url=server.base_url), Luma("umami", base_url=other.base_url)
        blocking.videos.get("batch_1")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            calls = [
                pool.submit(get_in_child, blocking),
                pool.submit(get_async_in_child, AsyncBluma(base_url=server.base_url)),
                pool.submit(get_luma_in_child, luma),
                pool.submit(blocking.videos.get, "batch_1"),
            ]
            found = [call.result() for call in calls]
        blocking.close()

    assert found[:3] == ["batch_1", "batch_1", "a"]
    assert found[3].id == "batch_1"  # type: ignore[attr-defined]  # a Video

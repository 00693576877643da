"""The API key is masked in errors, and never before an answer is decoded."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest

from bluma_async import AsyncLuma, errors
from bluma_async.luma.registry import PROVIDERS
from tests.fakes import FakeClock, FakeTransport, answer
from tests.luma.answers import ID, decode_created, decode_read, wrap_task
from tests.luma.conformance import get_resource

KEY = "sk-0123456789abcdef"
SUCCESSES: Dict[str, Any] = {
    "kie": wrap_task(successFlag=1, response={"resultUrls": ["https://x/1.mp4"]}),
    "umami": [{"id": ID, "state": "completed", "video": {"url": "https://x/1.mp4"}}],
    "vapi": {"id": ID, "state": "completed", "video": {"url": "https://x/1.mp4"}},
}
FAILURES: Dict[str, Any] = {
    "kie": wrap_task(successFlag=3, errorCode=501, errorMessage=f"bad key {KEY}"),
    "umami": [{"id": ID, "state": "failed", "failure_reason": f"bad key {KEY}"}],
    "vapi": {"id": ID, "state": "failed", "failure_reason": f"bad key {KEY}"},
}


def list_words(provider: str) -> Any:
    """Return the words of a success that a key can be equal to, with and without their quotes."""
    words = {"kie": ("successFlag", "response", "code", '"successFlag":1')}
    return words.get(provider, ("state", "completed", '"state"', '"completed"', "video"))


@pytest.mark.parametrize(
    ("provider", "key"), [(provider, key) for provider in SUCCESSES for key in list_words(provider)]
)
async def test_a_key_that_is_a_word_of_a_success(provider: Any, key: str) -> None:
    """A finished generation is decoded, whatever the key; `raw` is the unchanged answer."""
    body = json.dumps(SUCCESSES[provider], separators=(",", ":")).encode()
    async with AsyncLuma(provider, key, transport=FakeTransport(answer(200, body)), clock=FakeClock()) as luma:
        done = await get_resource(luma).get(ID)

    assert (done.state, done.url) == ("succeeded", "https://x/1.mp4")
    assert "***" not in str(done.raw)


@pytest.mark.parametrize("provider", SUCCESSES)
@pytest.mark.parametrize("decode", [decode_read, decode_created])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, json.dumps({"code": 401, "msg": f"bad key {KEY}", "message": f"bad key {KEY}", "data": {KEY: [KEY]}})),
        (401, json.dumps({"error": {"message": f"bad key {KEY}", "code": KEY}, "requestId": KEY})),
        (200, json.dumps({"code": 422, "msg": f"bad key {KEY}", "message": f"bad key {KEY}"})),
        (200, json.dumps({"code": f"x {KEY}"})),
        (200, json.dumps({"data": {"no_id": KEY}})),
        (401, f"<html>bad key {KEY}"),
        (200, f"<html>bad key {KEY}"),
        (502, "x" * 190 + KEY),
        (200, "x" * 190 + KEY),
        (200, json.dumps({"y": "x" * 180 + KEY})),
    ],
)
def test_errors_do_not_contain_the_key(provider: str, decode: Any, status: int, body: str) -> None:
    """The key is masked in every part of an error, also where an excerpt of the body ends inside it."""
    with pytest.raises(errors.APIError) as caught:
        decode(provider, body.encode(), status, secret=KEY)

    error = caught.value
    shown = f"{error!r} {error} {error.args} {vars(error)} {error.__cause__}"
    assert KEY not in shown
    assert KEY[:8] not in shown


@pytest.mark.parametrize("provider", FAILURES)
def test_the_reason_of_a_failure_does_not_contain_the_key(provider: str) -> None:
    """The reason of a failed generation is shown in logs and reprs, so the key is masked there too."""
    done = decode_read(provider, FAILURES[provider], secret=KEY)

    assert (done.state, done.error.message) == ("failed", "bad key ***")
    assert KEY not in repr(done)


@pytest.mark.parametrize(
    ("provider", "key", "document", "kind"),
    [
        ("kie", '"code":401', {"code": 401, "msg": "no"}, errors.AuthenticationError),
        ("vapi", "task_not_exist", {"code": "task_not_exist", "message": "no", "data": None}, errors.NotFoundError),
        ("umami", "credits left", {"message": "no credits left"}, errors.InsufficientCreditsError),
    ],
)
def test_a_key_that_is_a_word_of_an_error(provider: str, key: str, document: Any, kind: Any) -> None:
    """The kind of an error is decided before the key is masked."""
    status = 403 if provider == "umami" else 200

    with pytest.raises(kind) as caught:
        decode_read(provider, json.dumps(document, separators=(",", ":")).encode(), status, secret=key)

    assert key not in str(caught.value)


@pytest.mark.parametrize("provider", SUCCESSES)
@pytest.mark.parametrize("depth", [100, 400, 900, 100_000])
def test_deep_bodies(provider: str, depth: int) -> None:
    """An error body raises an APIError however deep it is; metadata that cannot be masked are left out."""
    nested = "[" * depth + f'"{KEY}"' + "]" * depth

    for body in (nested, f'{{"code": 422, "message": "no", "data": {nested}}}', f'{{"code": {nested}}}'):
        with pytest.raises(errors.APIError) as caught:
            decode_read(provider, body.encode(), 401, secret=KEY)
        assert KEY not in json.dumps(caught.value.metadata) + str(caught.value)


def test_all_providers_have_cases() -> None:
    """A new provider is added to the cases above."""
    assert list(SUCCESSES) == list(FAILURES) == list(PROVIDERS)

"""Traps about requests: arguments that are refused, warned about, or converted before anything is sent."""

from __future__ import annotations

import base64
import json
import warnings
from typing import Any, Dict

import pytest

from bluma_async import errors
from bluma_async.luma.registry import PROVIDERS
from bluma_async.sandbox import Sandbox
from tests.luma.answers import ID
from tests.luma.conformance import build_case, make_client, start


async def test_traps_25_and_26_extensions(sandbox: Sandbox) -> None:
    """Traps 25 and 26: the client remembers the parent of an extension; options that no extension has are refused."""
    for provider in ("umami", "vapi"):
        async with make_client(provider, sandbox) as luma:
            made = await start(luma)
            with pytest.raises(errors.ValidationError):
                await luma.generations.extend(made.id, "too soon")
            await sandbox.advance(105)
            longer = await luma.generations.extend(made.id, "with a hat")

            assert (longer.parent_id, longer.kind) == (made.id, "extension")
            assert (await luma.generations.get(longer.id)).parent_id == made.id
            with pytest.raises(errors.InvalidArgumentError, match="cannot loop an extension"):
                await luma.generations.extend(made.id, "x", loop=True)
    async with make_client("vapi", sandbox) as luma:
        with pytest.raises(errors.InvalidArgumentError, match="aspect ratio of an extension"):
            await luma.generations.extend(ID, "x", aspect_ratio="16:9")


def test_trap_27_aspect_ratios() -> None:
    """Trap 27: an undocumented ratio is sent with a warning; a value that is not a ratio is refused."""
    with pytest.warns(UserWarning, match="vapi is not known to take 21:9"):
        call = PROVIDERS["vapi"].build_create({"prompt": "x", "aspect_ratio": "21:9"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PROVIDERS["umami"].build_create({"prompt": "x", "aspect_ratio": "21:9"})

    assert b'"aspect_ratio":"21:9"' in (call.body or b"")
    for wrong in ("wide", 16, ""):
        with pytest.raises(errors.InvalidArgumentError, match="aspect_ratio"):
            PROVIDERS["vapi"].build_create({"prompt": "x", "aspect_ratio": wrong})


def test_trap_28_none_is_not_sent() -> None:
    """Trap 28: arguments that are None are not sent, also not as null."""
    calls = [adapter.build_create({"prompt": "x", **build_case(name).arguments}) for name, adapter in PROVIDERS.items()]
    bodies = [json.loads(call.body or b"") for call in calls]

    assert bodies[0] == {"prompt": "x", "videoUrl": "https://example.com/in.mp4"}
    assert bodies[1] == bodies[2] == {"user_prompt": "x", "aspect_ratio": "16:9"}


def test_trap_29_ids_in_paths() -> None:
    """Trap 29: ids in paths are percent-encoded; an id that would change the path is refused."""
    assert PROVIDERS["vapi"].build_read(["a/b c"]).path == "/luma/generations/a%2Fb%20c"
    for wrong in ("", ".", ".."):
        with pytest.raises(errors.InvalidArgumentError):
            PROVIDERS["vapi"].build_read([wrong])
        with pytest.raises(errors.InvalidArgumentError):
            PROVIDERS["umami"].build_extend(wrong, {"prompt": "x"})


@pytest.mark.parametrize(
    ("provider", "arguments", "message"),
    [
        ("kie", {"video_url": "ftp://x/y.mp4"}, "video_url must be an http"),
        ("kie", {"video_url": "https://localhost/y.mp4"}, "reachable"),
        ("kie", {"video_url": "https://10.0.0.1/y.mp4"}, "reachable"),
        ("kie", {"video_url": None}, "video_url"),
        ("kie", {"prompt": " "}, "prompt"),
        ("kie", {"callback_url": "nope"}, "callback_url"),
        ("umami", {"callback_url": "https://x"}, "umami cannot call back"),
        ("umami", {"loop": True}, "umami cannot loop"),
        ("umami", {"image_url": b"\x89PNG"}, "takes no image data"),
        ("vapi", {"image_url": b"text"}, "no PNG"),
        ("vapi", {"image_url": "not base64!"}, "base64"),
        ("vapi", {"image_url": b"\x89PNG", "image_end_url": b"\x89PNG"}, "At most one image"),
        ("vapi", {"image_url": b"\x89PNG" + b"\0" * 21 * 2**20}, "bytes; it may have"),
        ("vapi", {"callback_url": "nope"}, "callback_url"),
    ],
)
def test_invalid_arguments_are_refused(provider: str, arguments: Dict[str, Any], message: str) -> None:
    """Invalid arguments, and operations that the provider does not have, are refused by name."""
    with pytest.raises(errors.InvalidArgumentError, match=message):
        PROVIDERS[provider].build_create({"prompt": "x", **build_case(provider).arguments, **arguments})


@pytest.mark.parametrize(
    ("provider", "name", "value"),
    [
        *(("umami", "expand_prompt", value) for value in ("no", 0, "")),
        *(("vapi", "loop", value) for value in ("yes", 1)),
        *(("kie", "watermark", value) for value in (5, "", True)),
    ],
)
async def test_an_argument_of_a_wrong_type_is_refused_before_a_paid_request(
    sandbox: Sandbox, provider: str, name: str, value: Any
) -> None:
    """A provider would take "no" for yes, and charge for the video."""
    async with make_client(provider, sandbox) as luma:
        resource = luma.modifications if provider == "kie" else luma.generations
        arguments = {**build_case(provider).arguments, name: value}
        with pytest.raises(errors.InvalidArgumentError, match=f"^{name} must be "):
            await resource.create("x", **arguments)

    assert sandbox.requests == []


def test_images_as_data() -> None:
    """Bytes, base64 and data URIs are all sent as data URIs."""
    raw = b"\x89PNG rest"
    wanted = f"data:image/png;base64,{base64.b64encode(raw).decode()}"

    for given in (raw, base64.b64encode(raw).decode(), wanted):
        body = PROVIDERS["vapi"].build_create({"prompt": "x", "image_url": given}).body or b""
        assert json.loads(body)["image_url"] == wanted


def test_prompts_in_other_scripts() -> None:
    """kie.ai documents English prompts only; a prompt in another script gives a warning."""
    with pytest.warns(UserWarning, match="English"):
        PROVIDERS["kie"].build_create({"prompt": "日本語の文", "video_url": "https://example.com/x.mp4"})

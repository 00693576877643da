"""The providers of Luma in the sandbox: what their documents show, and nothing that they refuse."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

import av
import pytest
from PIL import ImageChops, ImageStat

from bluma_async.sandbox import Cruelty, Sandbox
from bluma_async.sandbox.luma.quirks import VAPI_QUIRKS
from tests.sandbox.conftest import Plain

VIDEO: Any = av  # PyAV has types for a part of its names only
IMAGE = base64.b64encode(b"\x89PNG rest").decode()
DATA_URI = f"data:image/png;base64,{IMAGE}"
SIZES = [
    ("16:9", 1280, 720),
    ("9:16", 720, 1280),
    ("1:1", 720, 720),
    ("4:3", 960, 720),
    ("3:4", 720, 960),
    ("21:9", 1680, 720),
    ("9:21", 720, 1680),
]
CREATES = {
    "kie": ("/api/v1/modify/generate", {"prompt": "x", "videoUrl": "https://example.com/in.mp4"}),
    "umami": ("/luma-ai/generations", {"user_prompt": "x", "aspect_ratio": "16:9"}),
    "vapi": ("/luma/generations", {"user_prompt": "x"}),
}


async def start(plain: Plain, provider: str, **changes: Any) -> Tuple[int, Any]:
    """Start a generation with changes of a valid body; return the status by which it is judged, and the answer."""
    path, body = CREATES[provider]
    status, answer, _ = await plain("POST", plain.sandbox.luma_url(provider) + path, {**body, **changes})
    return (answer["code"] if provider == "kie" else status), answer


async def read(plain: Plain, provider: str, identifier: str) -> Any:
    """Return a generation of UmamiAI or V-API."""
    path = f"/luma-ai/generation?ids={identifier}" if provider == "umami" else f"/luma/generations/{identifier}"
    answer = (await plain("GET", plain.sandbox.luma_url(provider) + path))[1]
    return answer[0] if provider == "umami" else answer


async def fetch_size(plain: Plain, url: str, path: Path) -> Tuple[int, int]:
    """Return the width and height of the pictures in a file."""
    path.write_bytes((await plain("GET", url, headers={"Authorization": ""}))[1])
    with VIDEO.open(str(path)) as container:
        stream = container.streams.video[0]
        return stream.codec_context.width, stream.codec_context.height


@pytest.mark.parametrize(("ratio", "width", "height"), SIZES)
@pytest.mark.parametrize("provider", ["umami", "vapi"])
async def test_a_ratio_shapes_the_file(
    sandbox: Sandbox, plain: Plain, tmp_path: Path, provider: str, ratio: str, width: int, height: int
) -> None:
    """The file has the size that the API states; V-API does not take the two widest ratios."""
    status, made = await start(plain, provider, aspect_ratio=ratio)
    if provider == "vapi" and "21" in ratio:
        assert status == 400
        return
    await sandbox.advance(0)
    await sandbox.advance(105)

    video = (await read(plain, provider, made["id"]))["video"]

    assert (video["width"], video["height"]) == (width, height)
    assert await fetch_size(plain, video["url"], tmp_path / "x.mp4") == (width, height)


async def test_an_extension_has_the_shape_of_its_parent(sandbox: Sandbox, plain: Plain) -> None:
    """V-API takes no ratio for an extension; it states that of the parent, and its size."""
    made = (await start(plain, "vapi", aspect_ratio="9:16"))[1]
    await sandbox.advance(0)
    await sandbox.advance(105)
    path = f"{sandbox.luma_url('vapi')}/luma/generations/{made['id']}/extend"

    longer = (await plain("POST", path, {"user_prompt": "y"}))[1]
    await sandbox.advance(0)
    await sandbox.advance(105)

    done = await read(plain, "vapi", longer["id"])
    assert (done["request"]["aspect_ratio"], done["video"]["width"], done["video"]["height"]) == ("9:16", 720, 1280)


async def test_the_watermark_of_kie_is_in_the_file(plain: Plain, tmp_path: Path) -> None:
    """The picture has the text of `watermark`, and the record returns it as `waterMark`."""
    frames: List[Any] = []
    async with Sandbox(clock="manual") as sandbox:
        plain.sandbox, plain.key = sandbox, sandbox.live_key
        for mark in ({}, {"watermark": "my-brand"}):
            identifier = (await start(plain, "kie", **mark))[1]["data"]["taskId"]
            await sandbox.advance(0)
            await sandbox.advance(105)
            url = f"{sandbox.luma_url('kie')}/api/v1/modify/record-info?taskId={identifier}"
            record = (await plain("GET", url))[1]["data"]
            await fetch_size(plain, record["response"]["resultUrls"][0], tmp_path / "x.mp4")
            with VIDEO.open(str(tmp_path / "x.mp4")) as container:
                frames.append(next(container.decode(container.streams.video[0])).to_image())

    assert json.loads(record["paramJson"])["waterMark"] == "my-brand"
    corner = [frame.crop((20, 646, 220, 700)) for frame in frames]
    assert sum(ImageStat.Stat(ImageChops.difference(*corner)).mean) > 30


WRONG: List[Tuple[str, Mapping[str, Any], str]] = [
    ("kie", {"prompt": ""}, "prompt"),
    ("kie", {"prompt": 5}, "prompt"),
    ("kie", {"videoUrl": "nope"}, "videoUrl"),
    ("kie", {"videoUrl": "http://"}, "videoUrl"),
    ("kie", {"videoUrl": "http://localhost:8000/in.mp4"}, "publicly accessible"),
    ("kie", {"videoUrl": "https://10.0.0.7/in.mp4"}, "publicly accessible"),
    ("kie", {"videoUrl": "https://[::1]/in.mp4"}, "publicly accessible"),
    ("kie", {"callBackUrl": "nope"}, "callBackUrl"),
    ("kie", {"callBackUrl": 5}, "callBackUrl"),
    ("kie", {"callBackUrl": "ftp://example.com/x"}, "callBackUrl"),
    ("kie", {"watermark": True}, "watermark"),
    ("umami", {"user_prompt": ["x"]}, "user_prompt"),
    ("umami", {"aspect_ratio": None}, "aspect_ratio"),
    ("umami", {"aspect_ratio": "weird"}, "aspect_ratio"),
    ("umami", {"aspect_ratio": "19:9"}, "aspect_ratio"),
    ("umami", {"expand_prompt": "yes"}, "expand_prompt"),
    ("umami", {"image_url": "nope"}, "image_url"),
    ("umami", {"image_end_url": IMAGE}, "image_end_url"),
    ("vapi", {"user_prompt": ""}, "user_prompt"),
    ("vapi", {"aspect_ratio": "weird"}, "aspect_ratio"),
    ("vapi", {"aspect_ratio": 1.78}, "aspect_ratio"),
    ("vapi", {"loop": "yes"}, "loop"),
    ("vapi", {"loop": 1}, "loop"),
    ("vapi", {"expand_prompt": "true"}, "expand_prompt"),
    ("vapi", {"notify_hook": "nope"}, "notify_hook"),
    ("vapi", {"image_url": "no image"}, "image_url"),
    ("vapi", {"image_url": "cats"}, "image_url"),  # four letters of base64
    ("vapi", {"image_end_url": IMAGE}, "image_end_url"),
    ("vapi", {"image_url": "data:image/png;base64,"}, "image_url"),
    ("vapi", {"image_url": f"data:text/plain;base64,{IMAGE}"}, "image_url"),
    ("vapi", {"image_end_url": 5}, "image_end_url"),
]


@pytest.mark.parametrize(("provider", "changes", "field"), WRONG)
async def test_nonsense_is_refused(
    sandbox: Sandbox, plain: Plain, provider: str, changes: Mapping[str, Any], field: str
) -> None:
    """A value that the documents do not allow is refused by the name of its field, and nothing is billed."""
    status, answer = await start(plain, provider, **changes)

    assert (status, field in json.dumps(answer)) == (422 if provider == "kie" else 400, True), answer
    assert sandbox.state()["billed"] == 0


@pytest.mark.parametrize(
    ("provider", "changes"),
    [
        ("kie", {"callBackUrl": "https://app.example/x", "watermark": "mine"}),
        ("kie", {"watermark": "", "callBackUrl": None}),
        ("umami", {"expand_prompt": True, "image_url": "https://x/y.jpg", "image_end_url": "https://x/z.jpg"}),
        # Luma reference 3.2: the ancestor takes base64 as a data URI only.
        ("vapi", {"image_url": DATA_URI, "image_end_url": "https://x/z.jpg", "loop": True}),
        ("vapi", {"image_url": "", "notify_hook": "", "expand_prompt": False, "aspect_ratio": "1:1"}),
    ],
)
async def test_documented_values_are_accepted(plain: Plain, provider: str, changes: Dict[str, Any]) -> None:
    """Every documented field with a documented value; the ancestor of V-API drops empty text."""
    assert (await start(plain, provider, **changes))[0] in {200, 201}


@pytest.mark.parametrize("provider", sorted(CREATES))
@pytest.mark.parametrize(
    ("more", "encoding", "kind"),
    [
        (float("nan"), "utf-8", "application/json"),
        (1, "utf-16", "application/json"),
        (1, "utf-8", "text/plain"),
    ],
    ids=["NaN", "UTF-16", "another type"],
)
async def test_a_body_that_is_no_json_is_refused(
    sandbox: Sandbox, plain: Plain, provider: str, more: float, encoding: str, kind: str
) -> None:
    """The pages of all providers declare JSON; what is none, or is not declared, is not billed."""
    path, body = CREATES[provider]
    raw = json.dumps({**body, "more": more}).encode(encoding)
    url = sandbox.luma_url(provider) + path

    status, answer, _ = await plain("POST", url, data=raw, headers={"Content-Type": kind})

    assert (answer["code"] if provider == "kie" else status) == (422 if provider == "kie" else 400)
    assert sandbox.state()["billed"] == 0


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (["ids"], 200),
        (["ids[]"] * 20, 200),
        ([f"ids[{index}]" for index in range(20)], 200),
        (["ids[0]", "ids[5]"], 200),  # the parser closes gaps
        (["ids"] * 21, 400),
        (["ids[25]"], 400),
        (["ids[0]", "ids[500]"], 400),
        (["ids[20]"], 400),
        (["ids[0]", "ids[01]"], 400),
        (["ids[0]", "ids[\u0967]"], 400),  # a digit of another script
        (["ids[0]", "ids[x]"], 400),
        (["ids[" + "9" * 5000 + "]"], 400),
    ],
)
async def test_a_high_index_makes_no_list(plain: Plain, names: List[str], status: int) -> None:
    """Luma reference 2.3: only the indices 0 to 19 are a list for every version of the provider's parser."""
    identifier = (await start(plain, "umami"))[1]["id"]
    url = f"{plain.sandbox.luma_url('umami')}/luma-ai/generation"

    got, answer, _ = await plain("GET", url, params=[(name, identifier) for name in names])

    assert (got, isinstance(answer, list)) == (status, status == 200)


@pytest.mark.parametrize("provider", ["umami", "vapi"])
async def test_the_key_is_checked_before_the_parent(plain: Plain, provider: str) -> None:
    """Without a key, an extension of an unknown generation is a 401, not a 404."""
    plain.key = "wrong"
    path = CREATES[provider][0] + "/4c9126f3-d9a6-4eaf-aa4c-b64b634f65bd/extend"

    status, _, _ = await plain("POST", plain.sandbox.luma_url(provider) + path, {"user_prompt": "x"})

    assert status == 401


async def call_vapi(plain: Plain, method: str, path: str, body: Any = None) -> Tuple[str, str]:
    """Return the content type and the text of an answer of V-API, whatever its form."""
    headers = {"Authorization": f"Bearer {plain.key}"}
    url = plain.sandbox.luma_url("vapi") + "/luma/generations" + path
    async with plain.session.request(method, url, json=body, headers=headers) as answer:
        return answer.content_type, await answer.text()


async def look_at_vapi(plain: Plain) -> Dict[str, bool]:
    """Return which irregularities of V-API are to be seen."""
    kind, made = await call_vapi(plain, "POST", "", {"user_prompt": "x"})
    _, error = await call_vapi(plain, "GET", "/none")
    await plain.sandbox.advance(0)
    await plain.sandbox.advance(105)
    _, longer = await call_vapi(plain, "POST", f"/{json.loads(made)['id']}/extend", {"user_prompt": "y"})
    return {
        "text_plain": kind != "application/json",
        "two_documents": "}{" in error,
        "list_of_one": isinstance(json.loads(longer), list),
        "nine_digits": len(json.loads(made)["created_at"].split(".")[1]) != len("319129Z"),
    }


async def test_v_api_is_regular_by_default(plain: Plain) -> None:
    """Its page shows one JSON object with six digits, and JSON as the content type: so does the sandbox."""
    assert await look_at_vapi(plain) == dict.fromkeys(VAPI_QUIRKS, False)


@pytest.mark.parametrize("quirk", VAPI_QUIRKS)
async def test_a_quirk_of_v_api_is_switched_on_by_name(plain: Plain, quirk: str) -> None:
    """Each irregularity by itself, over the control surface."""
    await plain("POST", "/_sandbox/cruelty", {"vapi_quirks": [quirk]})

    shown = await look_at_vapi(plain)

    assert {name for name, is_shown in shown.items() if is_shown} == {quirk}


async def test_quirks_are_settings_of_python(plain: Plain) -> None:
    """All irregularities at once, from the start."""
    async with Sandbox(clock="manual", render=False, cruelty=Cruelty(vapi_quirks=VAPI_QUIRKS)) as sandbox:
        plain.sandbox = sandbox
        shown = await look_at_vapi(plain)

    assert shown == dict.fromkeys(VAPI_QUIRKS, True)


async def test_a_large_body_is_refused(sandbox: Sandbox, plain: Plain) -> None:
    """Images may be sent as text, so a body may have 32 MiB; a larger one is a 413, and no image is kept in memory."""
    url = f"{sandbox.luma_url('vapi')}/luma/generations"
    answers: List[Any] = []
    for size in (4, 40):
        image = "data:image/png;base64," + "A" * size * 2**20
        body = json.dumps({"user_prompt": "x", "image_url": image}).encode()
        answers.append(await plain("POST", url, data=io.BytesIO(body), headers={"Content-Type": "application/json"}))

    assert [answer[0] for answer in answers] == [200, 413]
    assert len(json.dumps(sandbox._running.jobs.find("vapi", answers[0][1]["id"]))) < 2000

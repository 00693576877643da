"""A program of 1.2.0 for each row of the table in docs/migration.md, and what docs/migrate.py says about it."""

from __future__ import annotations

from typing import NamedTuple, Tuple


class Row(NamedTuple):
    """
    One row of the table.

    Attributes:
        cell: Its first cell.
        before: A program that it breaks.
        advice: A part of each report on it, in the order of its lines.
        after: The program as it is migrated.
        is_rewritten: Whether `--write` does that.
    """

    cell: str
    before: str
    advice: Tuple[str, ...]
    after: str
    is_rewritten: bool = False


MOCK = "test with bluma.testing"
ROWS = (
    Row(
        "`https://api.bluma.app/api/v1` is the default address",
        "url = 'https://api.bluma.app/api/v1'\n",
        ("pass base_url=",),
        "url = 'https://api.getbluma.com/api/v1'\n",
    ),
    Row(
        "paths with `/asset-pool` and `/dashboard`",
        "a = '/asset-pool/assets'\nb = f'/dashboard/templates/{name}'\n",
        ("the documented path", "the documented path"),
        "a = '/assets'\nb = f'/templates/{name}'\n",
    ),
    Row(
        "`client._request(method, path, params=..., json=...)`",
        "client._request('GET', '/videos', params={'limit': 5})\n",
        ("client.request(method, path, query=..., json=...)",),
        "client.request('GET', '/videos', query={'limit': 5})\n",
        is_rewritten=True,
    ),
    Row(
        "`client._client.is_closed`",
        "print(client._client.is_closed)\n",
        ("the client has is_closed itself",),
        "print(client.is_closed)\n",
        is_rewritten=True,
    ),
    Row(
        "`client.timeout = 60`",
        "client.timeout = 60\nself.client.timeout = 5\nself.client.max_retries += 1\n",
        ("with_options(timeout=...)", "with_options(timeout=...)", "with_options(max_retries=...)"),
        "client = client.with_options(timeout=60)\n",
    ),
    Row(
        "a subclass with its own `_should_retry` or `_calculate_retry_delay`",
        "class A(Bluma):\n    def _should_retry(self): ...\n    def _calculate_retry_delay(self): ...\n",
        ("should_retry=", "calculate_retry_delay="),
        "class A(Bluma):\n    pass\n",
    ),
    Row(
        "a 429 is retried",
        "client = Bluma()\n",
        ("max_retry_after=60",),
        "client = Bluma(max_retry_after=60)\n",
    ),
    Row(
        "a `POST`, `PUT` or `DELETE` through `_request` is retried",
        "client._request('POST', '/x', json={})\nclient._request('DELETE', '/x')\n",
        ("only a GET is retried", "only a GET is retried"),
        "client.request('POST', '/x', json={})\n",
    ),
    Row(
        "tests mock httpx (`pytest_httpx`, `respx`)",
        "import httpx, respx\nfrom pytest_httpx import HTTPXMock\npatch('httpx.Client.request')\n",
        ("add it to your dependencies", MOCK, MOCK, MOCK),
        "from bluma.testing import make\n",
    ),
    Row(
        "a mock answers two creates with one video id",
        "def test(httpx_mock):\n    httpx_mock.add_response(json={'id': 'a'})\n",
        (MOCK, "each answer to a create needs a new id"),
        "def test(bluma_sandbox):\n    pass\n",
    ),
    Row(
        "`error.original_error` is an exception of httpx",
        "print(error.original_error)\n",
        ("isinstance(error, NetworkError)",),
        "print(isinstance(error, NetworkError))\n",
    ),
    Row(
        "`error.retry_after` is 60 if the server does not say",
        "time.sleep(error.retry_after)\nprint(error.retry_after > 5)\n",
        ("error.retry_after or 60", "error.retry_after or 60"),
        "time.sleep(error.retry_after or 60)\n",
    ),
    Row(
        '`error.type` is "api_error" and `error.title` "API Error" if the server does not say',
        "try:\n    f()\nexcept APIError as e:\n    print(e.type)\n    print(e.title)\n    e.type == 'api_error'\n",
        ("error.type or 'api_error'", "error.title or 'API Error'", "error.type or 'api_error'"),
        "try:\n    f()\nexcept APIError as e:\n    print(e.type or 'api_error')\n",
    ),
    Row(
        "`on_progress` is called with a share of two minutes",
        "client.videos.wait_for(video_id, on_progress=print)\n",
        (),
        "client.videos.wait_for(video_id, on_progress=print)\n",
    ),
    Row(
        "`video.model_dump()`, `.dict()`, `.json()`",
        "video.dict()\nvideo.json()\nvideo.model_dump(mode='json')\nvideo.model_dump_json()\nVideo.model_fields\n",
        ("to_dict()", "json.dumps(video.to_dict())", "to_dict()", "json.dumps(", "dataclasses.fields(Video)"),
        "video.to_dict()\njson.dumps(video.to_dict())\ndataclasses.fields(Video)\n",
    ),
    Row(
        "`Video.model_validate(data)`, `Video.parse_obj(data)`",
        "Video.model_validate(data)\nVideo.parse_obj(data)\n",
        ("Video(**data)", "Video(**data)"),
        "Video(**data)\n",
    ),
    Row(
        "`pydantic.ValidationError` for an answer that does not fit",
        "import pydantic  # migrated\ntry:\n    f()\nexcept (KeyError, pydantic.ValidationError):\n    pass\n",
        ("except BlumaError",),
        "try:\n    f()\nexcept BlumaError:\n    pass\n",
    ),
    Row(
        "a model of wrong types is refused",
        "from bluma.types import Video\nVideo(**data)\n",
        ("check the values before",),
        "from bluma.types import Video\nVideo(**data)  # migrated\n",
    ),
    Row(
        "a field that the server leaves out is an error",
        "total = template.base_cost + 1\n",
        ("check for None",),
        "total = (template.base_cost or 0) + 1\n",
    ),
    Row(
        '`VideoStatus("new")` is a ValueError',
        "from bluma.types import VideoStatus\nVideoStatus(text)\nVideoStatus('completed')\n",
        ("video.status in set(VideoStatus)",),
        "from bluma.types import VideoStatus\nvideo.status in set(VideoStatus)\n",
    ),
    Row(
        '`webhook_url=""` is ignored',
        "create(webhook_url='')\ncreate(webhook_url=url or '')\n",
        ("webhook_url=None", "webhook_url=None"),
        "create(webhook_url=url or None)\n",
    ),
    Row(
        'an empty filter, such as `assets.list(file_type="")`, is ignored',
        "client.assets.list(file_type='')\n",
        ("file_type=None",),
        "client.assets.list(file_type=None)\n",
    ),
    Row(
        "`verify_webhook` returns any JSON",
        "from bluma import verify_webhook\nverify_webhook(body, signature, secret)\n",
        ("verify_webhook_signature",),
        "from bluma import verify_webhook_signature\nverify_webhook_signature(body, signature, secret)\n",
    ),
    Row(
        "a call after `close()` is a RuntimeError",
        "try:\n    f()\nexcept RuntimeError:\n    pass\n",
        ("client.is_closed",),
        "if not client.is_closed:\n    f()\n",
    ),
    Row(
        "httpx and pydantic are installed too",
        "import httpx\nfrom pydantic import BaseModel\n",
        ("does not install httpx", "does not install pydantic"),
        "import httpx  # migrated\nfrom pydantic import BaseModel  # migrated\n",
    ),
)

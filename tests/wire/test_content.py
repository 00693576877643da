"""The content of a create: which creates make the same video."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import bluma_async
from bluma_async._wire.content import build_content, hash_content, hash_create, is_same_content
from bluma_async.batch.parsing import parse_job

BODY = {"template_id": "t", "context": {"prompt": "p", "custom_data": {"size": 1}}}
SAME = [
    {"options": None},
    {"options": {}},
    {"options": {"resolution": "720p"}},
    {"webhook_url": "https://example.com/hook", "variant_id": None},
    {"context": {"custom_data": {"size": 1.0}, "prompt": "p"}},
    {"context": {"prompt": "p", "custom_data": {"size": 1}, "brand_id": None}},
]
OTHER = [
    {"options": {"resolution": "1080p"}},
    {"options": {"watermark": False}},
    {"context": {"prompt": "p", "custom_data": {"size": 1.5}}},
    {"context": {"prompt": "p", "custom_data": {"size": None}}},
    {"context": {"prompt": "p", "custom_data": {"size": True}}},
    {"context": {"prompt": "p", "custom_data": {"size": "1.0"}}},
    {"template_id": "u"},
]


def hash_request(body: Any) -> str:
    """Return the hash of a create by the body of its request."""
    return hash_create(json.dumps(body).encode())


@pytest.mark.parametrize("more", SAME)
def test_defaults_and_whole_floats_make_no_other_content(more: Any) -> None:
    """All hashes agree, so that no part of the client buys a video twice that another part takes for the same."""
    body = {**BODY, **more}

    assert is_same_content(BODY, body)
    assert (hash_content(body), hash_request(body)) == (hash_content(BODY), hash_request(BODY))


@pytest.mark.parametrize("more", OTHER)
def test_other_values_are_another_content(more: Any) -> None:
    """A text that looks like a number is a text, and true is no number."""
    body = {**BODY, **more}

    assert not is_same_content(BODY, body)
    assert hash_content(body) != hash_content(BODY)
    assert hash_request(body) != hash_request(BODY)


@pytest.mark.parametrize("number", [2.0**53, 1e300, 2.0**53 + 2])
def test_a_float_that_may_stand_for_several_numbers_is_no_whole_number(number: float) -> None:
    """Above 2**53, the next float is more than 1 away."""
    whole: Any = {**BODY, "context": {"n": int(number)}}

    assert not is_same_content(whole, {**BODY, "context": {"n": number}})


def test_a_variant_is_a_content_of_creates_alone() -> None:
    """Its settings can change, so that its video is not reused; a key can name it."""
    body = {"variant_id": "v", "context": {}}

    assert hash_content(body) is None
    assert hash_request(body) != hash_request({**body, "variant_id": "w"})


def test_options_that_are_no_object_have_a_content() -> None:
    """A custom request can send them; the API refuses it."""
    assert build_content({**BODY, "options": ["4k"]}) != build_content(BODY)


def test_the_keys_of_rows_without_a_key_stay_as_they_are() -> None:
    """Journals have them. They are hashes of the rows as they were written, and not of their contents."""
    row = {"template_id": "t", "prompt": "p"}

    keys = [parse_job(job, "row 1").key for job in (row, {**row, "resolution": "720p"}, {**row, "context": {"n": 1.0}})]

    assert keys == ["c0e90d715b2d", "88869f572e62", "8b95ad21e86e"]


def test_the_canonical_form_is_defined_once() -> None:
    """A second definition could differ."""
    root = Path(bluma_async.__file__).parent
    texts = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in root.rglob("*.py")}
    found = [name for name, text in texts.items() if "JSONEncoder(" in text]

    assert found == ["_wire/content.py"]

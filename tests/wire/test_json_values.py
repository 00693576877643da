"""Arguments as JSON: the value that cannot be sent is named by its path."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import sys
from typing import Any, List

import pytest

from bluma_async import errors
from bluma_async._wire.json_values import encode_json, parse_first, parse_json

CIRCLE: List[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        (float("nan"), "context.x", "nan, which JSON does not have; leave it out, or pass None"),
        (float("-inf"), "context.x", "-inf, which JSON does not have"),
        (b"raw", "context.x", "of the type bytes; pass text, or upload the file as an asset"),
        (dt.datetime(2025, 1, 1), "context.x", "of the type datetime; pass text, such as value.isoformat()"),  # noqa: DTZ001
        (dt.date(2025, 1, 1), "context.x", "of the type date; pass text"),
        (decimal.Decimal(1), "context.x", "of the type Decimal; pass a float or text"),
        ({1}, "context.x", "of the type set; pass a list"),
        ({"y": [1, {"z": object()}]}, "context.x.y[1].z", "of the type object"),
        ({(1, 2): 3}, "context.x", "an object with a name that is a tuple"),
        ("\ud800", "context.x", "text with half of a surrogate pair"),
        (CIRCLE, "context.x" + "[0]" * 37 + "...", "nested more than 100 levels deep, or contains itself"),
    ],
)
def test_the_value_that_cannot_be_sent_is_named(value: Any, path: str, reason: str) -> None:
    """The error has its path, what it is, and what to pass instead."""
    with pytest.raises(errors.InvalidArgumentError) as caught:
        encode_json({"context": {"prompt": "p", "x": value}})

    assert caught.value.field == path
    assert f"{path} is {reason}" in str(caught.value)


def test_plain_values_are_sent() -> None:
    """Text in any script, numbers, null, and a tuple as an array."""
    assert encode_json({"a": "ü", "b": (1, 2.5, None, True)}) == '{"a":"ü","b":[1,2.5,null,true]}'.encode()


@pytest.mark.skipif(not hasattr(sys, "get_int_max_str_digits"), reason="every integer can be written")
def test_an_integer_that_python_does_not_write_is_named() -> None:
    """Its digits are limited; the error is none of Python's own."""
    with pytest.raises(errors.InvalidArgumentError, match=r"context\.x is an integer of thousands of digits"):
        encode_json({"context": {"x": 10**5000}})


def nested(levels: int, inside: str = "1") -> str:
    """Return JSON of arrays and objects in turn, around a value."""
    pairs = [("[", "]"), ('{"a":', "}")]
    begin, end = "", ""
    for level in range(levels):
        opened, closed = pairs[level % 2]
        begin, end = begin + opened, closed + end
    return begin + inside + end


@pytest.mark.parametrize("inside", ["1", "[]", r'"[[[ \" [[["'])
def test_a_document_is_bounded_before_it_is_parsed(inside: str) -> None:
    """A hundred levels are parsed, one more is refused; brackets inside texts do not count."""
    levels = 99 if inside == "[]" else 100

    assert parse_json(nested(levels, inside)) == json.loads(nested(levels, inside))
    for parse in (parse_json, parse_first):
        with pytest.raises(ValueError, match="nested more than 100 levels deep"):
            parse(nested(levels + 1, inside))


def test_a_long_document_is_not_deep() -> None:
    """Neither the number of its objects nor the brackets in its texts make it deep."""
    rows = [{"id": f"batch_{number}", "note": "[{" * 200, "list": []} for number in range(300)]

    assert parse_json(json.dumps(rows)) == rows


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 99, "]" * 300 + "[" * 100, '["' + "[" * 300, "[" * 300 + '"'])
def test_brackets_that_do_not_match_are_no_json(text: str) -> None:
    """Such a text ends with a ValueError, as every one that is not JSON, and never with a RecursionError."""
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own, or that of the depth
        parse_json(text)


def test_arguments_are_as_shallow_as_answers() -> None:
    """Arguments that an answer could not repeat are refused, also if the last level is empty."""
    assert encode_json(json.loads(nested(100)))
    with pytest.raises(errors.InvalidArgumentError, match="nested more than 100 levels deep"):
        encode_json(json.loads(nested(100, "[]")))

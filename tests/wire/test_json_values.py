"""Arguments as JSON: the value that cannot be sent is named by its path."""

from __future__ import annotations

import datetime as dt
import decimal
import sys
from typing import Any, List

import pytest

from bluma_async import errors
from bluma_async._wire.json_values import encode_json

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
        (CIRCLE, "context.x" + "[0]" * 99, "nested more than 100 levels deep, or contains itself"),
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

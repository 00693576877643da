"""How an answer is decoded does not depend on the answers and imports before it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Dict, Iterator, List, get_args

import attrs
import pytest

from bluma_async import types
from bluma_async.sandbox import Sandbox
from bluma_async.types._model import Model, OpenEnum

DECODE = """
import json, sys
from bluma_async._wire.codec import One
from bluma_async.types import _model

@_model.model
class Plain(_model.Model):
    name: str

One(Plain)({"name": "the first answer"})
assert not _model.OpenEnum.__subclasses__(), "the enums must be imported after the first answer"
from bluma_async import types
made = One(getattr(types, sys.argv[1]))(json.loads(sys.argv[2]))
print(*(type(getattr(made, field)).__name__ for field in sys.argv[3:]))
"""
CREATE = """
import sys
from bluma import Bluma
with Bluma("bluma_test_sandbox", sys.argv[1]) as client:
    eval(sys.argv[2], {"client": client})
    print(client.videos.create({"prompt": "Explain rain"}, "ugc-text-overlay").status.is_final)
"""
FIRST_CALLS = [
    "client.credits.get_balance()",
    "client.credits.get_history()",
    "client.usage.get_metrics()",
    "client.templates.list()",
    "client.templates.get('ugc-text-overlay')",
    "client.api_keys.list()",
    "client.webhooks.list()",
    "client.assets.list()",
]


def parts_of(kind: Any) -> Iterator[Any]:
    """Yield a type and the types in its brackets."""
    yield kind
    for argument in get_args(kind):
        yield from parts_of(argument)


def enum_fields_of(cls: Any) -> Dict[str, Any]:
    """Return the enum of each field that has one."""
    enums = {}
    for field in attrs.fields(cls):
        for part in parts_of(field.type):
            if isinstance(part, type) and issubclass(part, OpenEnum):
                enums[field.name] = part
    return enums


def sample_of(cls: Any) -> Dict[str, Any]:
    """Return JSON of a model: its required fields and its enums."""
    enums, sample = enum_fields_of(cls), {}
    for field in attrs.fields(cls):
        if field.name in enums:
            sample[field.name] = next(iter(enums[field.name])).value
        elif field.default is attrs.NOTHING:
            sample[field.name] = sample_of(field.type) if issubclass(field.type, Model) else "1"
    return sample


def run_program(code: str, *arguments: str) -> List[str]:
    """Run a program in a new process, and return the words that it has printed."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


# The codec does not decode a Generation: each Luma provider has a format of its own, which `luma.decoder` reads.
DECODED = [getattr(types, name) for name in types.__all__ if name != "Generation"]
MODELS = [each for each in DECODED if attrs.has(each) and enum_fields_of(each)]


@pytest.mark.parametrize("cls", MODELS)
def test_an_enum_is_decoded_if_it_was_imported_after_the_first_answer(cls: Any) -> None:
    """Each enum of each model is decoded as itself, and not as plain text, whichever answer came first."""
    enums = enum_fields_of(cls)

    decoded = run_program(DECODE, cls.__name__, json.dumps(sample_of(cls)), *enums)

    assert decoded == [enum.__name__ for enum in enums.values()]


@pytest.mark.parametrize("first", FIRST_CALLS)
def test_a_video_has_its_status_after_any_first_call(first: str) -> None:
    """A wait asks the status of a video that is paid whether it is final, also after other calls."""
    with Sandbox(render=False) as sandbox:
        printed = run_program(CREATE, sandbox.base_url, first)

    assert printed == ["False"]

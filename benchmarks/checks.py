"""The check of one context against the schema of its template, once compiled, against `videos.get` on loopback."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Dict, List, Tuple

from benchmarks.gets import one_after_another
from benchmarks.measure import Row, compare
from benchmarks.responder import responding
from bluma_async import AsyncBluma
from bluma_async._wire.contexts.schema import ContextSchema

COUNT = 1000
LIMIT = 0.5
TEXT: Dict[str, Any] = {"type": "string"}
PLAIN: Dict[str, Any] = {
    "type": "object",
    "required": ["prompt"],
    "properties": {
        "prompt": {**TEXT, "minLength": 10},
        "system_prompt": TEXT,
        "voice": {"enum": ["female-casual", "energetic-male"], "type": "string"},
        "brand_assets": {"type": "object"},
    },
}
NESTED: Dict[str, Any] = {
    **PLAIN,
    "properties": {
        **PLAIN["properties"],
        "color": {**TEXT, "pattern": "^#[0-9A-Fa-f]{6}$"},
        "speed": {"type": "number", "minimum": 0.5, "maximum": 2},
        "scenes": {"type": "array", "maxItems": 20, "items": {"$ref": "#/$defs/scene"}},
    },
    "$defs": {
        "scene": {"type": "object", "required": ["text"], "properties": {"text": TEXT, "seconds": {"minimum": 1}}}
    },
}
CONTEXT: Dict[str, Any] = {
    "prompt": "Explain why the sky is blue",
    "system_prompt": "You are an enthusiastic teacher",
    "voice": "energetic-male",
    "brand_assets": {"logo": "https://cdn.example.com/logo.png"},
}
SCENES = {"color": "#1e90ff", "speed": 1.25, "scenes": [{"text": f"Scene {n}", "seconds": 4} for n in range(5)]}
CASES: List[Tuple[str, Dict[str, Any], Dict[str, Any], bool]] = [
    ("a context, by a plain schema", PLAIN, CONTEXT, True),
    ("a context with five scenes, by a nested schema", NESTED, {**CONTEXT, **SCENES}, True),
    ("the same with three mistakes", NESTED, {**CONTEXT, **SCENES, "color": "red", "speed": 9, "voise": "x"}, False),
]


async def check(schema: ContextSchema, context: Dict[str, Any]) -> None:
    for _ in range(COUNT):
        schema.find_problems(context)


async def measure(base_url: str, rounds: int) -> List[Row]:
    rows: List[Row] = []
    async with AsyncBluma("bluma_test_key", base_url=base_url) as client:
        gets = partial(one_after_another, lambda: client.videos.get("batch_abc123xyz"), COUNT)
        for name, raw, context, is_valid in CASES:
            schema = ContextSchema(raw)
            assert (schema.find_problems(context) == []) is is_valid
            assert schema.flaws == []
            title = f"{name} (against videos.get)"
            rows.append(await compare(title, gets, partial(check, schema, context), COUNT, rounds, LIMIT))
    return rows


def run(rounds: int) -> List[Row]:
    with responding() as base_url:
        return asyncio.run(measure(base_url, rounds))

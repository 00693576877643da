"""The OpenAPI document is correct for every route and answer."""

from __future__ import annotations

import json
import random
from typing import Any, Dict

from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.app import ALL_ROUTES
from tests.sandbox.conftest import Plain

MALFORMED_BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b'{"name": 5}',
    b"\xff",
    b'{"a":' * 5000,
    json.dumps({"name": "x" * 5000}).encode(),
]
IDS = ["x", "..%2F..", "%00", "a" * 3000, "%F0%9F%98%80", "batch_1'--"]


async def test_every_route_answers_as_described(sandbox: Sandbox, plain: Plain) -> None:
    """Each route has the documented status, every required field, and no field that is not described."""
    _, document, _ = await plain("GET", "/openapi.json")
    asset = (await plain("POST", "/assets/upload", {"fileName": "a.png", "fileType": "image/png"}))[1]["asset_id"]
    collection = (await plain("POST", "/collections", {"name": "c"}))[1]["id"]
    variant = (await plain("POST", "/templates/meme-dialogue/variants", {"name": "v"}))[1]["id"]
    hook = (await plain("POST", "/webhooks", {"url": "https://x/y", "events": ["video.queued"]}))[1]["id"]
    key = (await plain("POST", "/api-keys", {"name": "k", "environment": "test"}))[1]["id"]
    video = (await plain.make())["id"]
    await sandbox.advance(0)
    await sandbox.advance(105)
    ids = {"/videos": video, "/templates/{id}": "meme-dialogue", "/collections": collection, "/assets": asset}
    ids.update({"/webhooks": hook, "/api-keys": key, "/templates/{template_id}": variant})
    bodies: Dict[str, Any] = {
        "VideoRequest": {"template_id": "meme-dialogue", "context": {"prompt": "x"}},
        "AssetIds": {"assetIds": [asset]},
        "AssetUpload": {"fileName": "a", "fileType": "image/png"},
        "ApiKeyRequest": {"name": "k", "environment": "test"},
        "WebhookRequest": {"url": "https://x/y", "events": ["video.queued"]},
    }
    order = ["POST", "GET", "PUT", "PATCH", "DELETE"]
    for route in sorted(ALL_ROUTES, key=lambda route: (order.index(route.method), -len(route.path))):
        identifier = next((value for prefix, value in ids.items() if route.path.startswith(prefix)), "")
        path = route.path.replace("{template_id}", "meme-dialogue").replace("{asset_id}", asset)
        query = "?fileType=image" if route.path == "/assets/random" else ""
        body = bodies.get(route.body or "", {"name": "n"} if route.body else None)

        status, answer, _ = await plain(route.method, path.replace("{id}", identifier) + query, body)

        operation = document["paths"][route.path][route.method.lower()]
        assert status == route.success, (route.name, answer)
        _assert_matches(document, operation["responses"][str(status)]["content"]["application/json"]["schema"], answer)


def _assert_matches(document: Any, schema: Any, value: Any) -> None:
    """Assert that a value has the required fields and the types of its schema, and no field that it does not name."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return _assert_matches(
            document, next(option for option in options if set(option["required"]) <= set(value)), value
        )
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object", list: "array"}.get(
        type(value), "null"
    )
    assert kind in kinds or (kind == "integer" and "number" in kinds), (schema, value)
    for name in schema.get("required", []) if kind == "object" else []:
        assert name in value, (name, value)
    assert kind != "object" or "properties" not in schema or set(value) <= set(schema["properties"]), value
    for name, inner in schema.get("properties", {}).items() if kind == "object" else []:
        if name in value:
            _assert_matches(document, inner, value[name])
    for entry in value if kind == "array" else []:
        _assert_matches(document, schema["items"], entry)
    return None


def test_every_route_is_described_once() -> None:
    """Operation ids are unique, every route and every common error status is described, and references resolve."""
    from bluma_async.sandbox.openapi import describe

    document = describe(ALL_ROUTES, "http://x")
    operations = [operation for item in document["paths"].values() for operation in item.values()]

    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert {route.path for route in ALL_ROUTES} <= set(document["paths"])
    assert all({"401", "403", "429", "500", "503"} <= set(operation["responses"]) for operation in operations)
    references = set(json.dumps(document).split("#/components/schemas/")[1:])
    assert {text.split('"')[0] for text in references} <= set(document["components"]["schemas"])


async def test_malformed_requests_never_cause_a_500(plain: Plain) -> None:
    """Every route answers malformed bodies, ids and queries with a status below 500."""
    dice = random.Random(5)
    for route in ALL_ROUTES:
        for raw in MALFORMED_BODIES:
            path = route.path
            for name in ("{id}", "{template_id}", "{asset_id}"):
                path = path.replace(name, dice.choice(IDS))
            path += dice.choice(
                ["", "?limit=-1", "?page=%FF", "?from_date=9999-99-99T99:99:99Z", "?fileType=%00", "?period=9d"]
            )
            kind = dice.choice(["application/json", "multipart/form-data; boundary=x", "text/plain", ""])

            status, _, _ = await plain(route.method, path, data=raw, headers={"Content-Type": kind})

            assert status < 500, (route.name, path, raw[:50])

"""The OpenAPI document, written from the routes that the sandbox serves and from their schemas."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Sequence

from bluma_async._version import __version__
from bluma_async.sandbox.api_errors import TITLES
from bluma_async.sandbox.routing import API, Route, list_aliases
from bluma_async.sandbox.schemas import SCHEMAS

__all__ = ["describe"]

ANY_ROUTE = (401, 403, 421, 429, 500, 503)  # 421: the Host header names another machine
PLACEHOLDER = re.compile(r"\{([^}]*)\}")


def describe(routes: Sequence[Route], origin: str) -> Dict[str, Any]:
    """Return the OpenAPI document for the routes."""
    paths: Dict[str, Dict[str, Any]] = {}
    for route in routes:
        for path in [route.path, *list_aliases(route.path)]:
            paths.setdefault(path, {})[route.method.lower()] = _operation(route, path)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bluma API, as the sandbox implements it", "version": __version__},
        "servers": [{"url": origin + API}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": dict(SCHEMAS),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, path: str) -> Dict[str, Any]:
    operation: Dict[str, Any] = {
        "summary": route.summary,
        "operationId": re.sub(r"[^a-z]+", "_", f"{route.method} {path}".lower()).strip("_"),
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _bodies(route.body, route.form)}
    return operation


def _bodies(body: str, form: str | None) -> Dict[str, Any]:
    content: Dict[str, Any] = {"application/json": {"schema": _ref(body)}}
    if form is not None:
        kinds = {"files": {"contentType": "image/png, image/jpeg, image/gif, image/webp, video/mp4, audio/mpeg"}}
        content["multipart/form-data"] = {"schema": _ref(form), "encoding": kinds}
    return content


def _parameters(route: Route) -> List[Dict[str, Any]]:
    names: List[str] = PLACEHOLDER.findall(route.path)
    schema = {"type": "string", "minLength": 1}
    in_path = [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]
    in_query = [_query_parameter(name, schema, is_needed=name in route.needs) for name, schema in route.query.items()]
    return [*in_path, *in_query]


def _query_parameter(name: str, schema: Mapping[str, object], *, is_needed: bool) -> Dict[str, Any]:
    """Return a parameter; its description belongs to the parameter, where viewers look for it, not to its schema."""
    rest = {key: value for key, value in schema.items() if key != "description"}
    described = {"description": schema["description"]} if "description" in schema else {}
    return {"name": name, "in": "query", "required": is_needed, **described, "schema": rest}


def _responses(route: Route) -> Dict[str, Any]:
    responses: Dict[str, Any] = {str(route.success): _response("Success", route.answer)}
    for status in sorted({*ANY_ROUTE, *route.errors}):
        responses[str(status)] = _response(TITLES[status][1], "Error")
    return responses


def _response(description: str, schema: str) -> Dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ref(schema)}}}


def _ref(name: str) -> Dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}

"""Handlers of `/collections`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Dict, Mapping

from aiohttp import web

from bluma_async.sandbox.account import BRAND_ID, USER_ID
from bluma_async.sandbox.api_errors import not_found
from bluma_async.sandbox.assets import asset_view, list_collection, need_collection
from bluma_async.sandbox.checks import (
    check_text,
    check_texts,
    one_of,
    optional,
    read_json,
    read_query,
    reject_where,
    required,
)
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.routing import LARGEST, Route
from bluma_async.sandbox.state import STATE, State
from bluma_async.sandbox.visibility import cap_page

if TYPE_CHECKING:
    from bluma_async.sandbox.checks import Field
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES"]

KINDS = ("images", "videos", "all")
CREATE: Mapping[str, Field] = {
    "name": required(check_text),
    "description": optional(check_text),
    "asset_type": optional(one_of(*KINDS)),
}
UPDATE: Mapping[str, Field] = {"name": optional(check_text), "description": optional(check_text)}


async def create(request: web.Request) -> web.Response:
    """Create an empty collection."""
    state = request.app[STATE]
    body = await read_json(request, CREATE)
    now = state.clock.time()
    row: Row = {
        "id": f"coll_{secrets.token_hex(6)}",
        "name": body["name"],
        "description": body.get("description"),
        "asset_type": body.get("asset_type") or "all",
        "created": now,
        "updated": now,
        "deleted": None,
    }
    return web.json_response(_view(state, state.collections.put(row)), status=201)


async def get(request: web.Request) -> web.Response:
    """Return a collection."""
    return web.json_response(_view(request.app[STATE], _need(request)))


async def rename(request: web.Request) -> web.Response:
    """Rename a collection."""
    return await _change(request, {"name": required(check_text)})


async def update(request: web.Request) -> web.Response:
    """Change a collection's name, its description, or both."""
    return await _change(request, UPDATE)


async def delete(request: web.Request) -> web.Response:
    """Delete a collection; its assets stay."""
    state, row = request.app[STATE], _need(request)
    row["deleted"] = state.clock.time()
    state.collections.put(row)
    return web.json_response({})


async def add_assets(request: web.Request) -> web.Response:
    """Add assets to a collection; if one does not exist, none is added."""
    state, row = request.app[STATE], _need(request)
    body = await read_json(request, {"assetIds": required(check_texts)})
    assets = [state.assets.need(identifier) for identifier in body["assetIds"]]
    for asset in assets:
        if row["id"] not in asset["collections"]:
            asset["collections"].append(row["id"])
            state.assets.put(asset)
    return web.json_response(_view(state, row))


async def remove_asset(request: web.Request) -> web.Response:
    """Remove an asset from a collection."""
    state, row = request.app[STATE], _need(request)
    asset = state.assets.need(request.match_info["asset_id"])
    if row["id"] not in asset["collections"]:
        raise not_found("asset", asset["id"])
    asset["collections"].remove(row["id"])
    state.assets.put(asset)
    return web.json_response({})


async def list_assets(request: web.Request) -> web.Response:
    """Return a page of the assets of a collection."""
    state, row = request.app[STATE], _need(request)
    query = read_query(request, {"limit": (50, 1, 100), "offset": (0, 0, LARGEST)}, {})
    found = list_collection(state, row["id"])
    shown = found[query["offset"] : query["offset"] + cap_page(query["limit"], state.cruelty.value)]
    return web.json_response({"assets": [asset_view(state, asset) for asset in shown], "total": len(found)})


async def list_collections(request: web.Request) -> web.Response:
    """Return the collections that are not deleted."""
    state = request.app[STATE]
    wanted = read_query(request, {}, {"asset_type": one_of(*KINDS)}).get("asset_type")
    rows = [row for row in state.collections if row["deleted"] is None and wanted in {None, row["asset_type"]}]
    return web.json_response({"collections": [_view(state, row) for row in rows], "total": len(rows)})


async def _change(request: web.Request, fields: Mapping[str, Field]) -> web.Response:
    state, row = request.app[STATE], _need(request)
    body = await read_json(request, fields)
    reject_where([(body.get("name") is None and body.get("description") is None, "name", "or description is required")])
    for name in fields:
        row[name] = body.get(name) or row[name]
    row["updated"] = state.clock.time()
    return web.json_response(_view(state, state.collections.put(row)))


def _need(request: web.Request) -> Row:
    return need_collection(request.app[STATE], request.match_info["id"])


def _view(state: State, row: Row) -> Dict[str, Any]:
    return {
        **{name: row[name] for name in ("id", "name", "description", "asset_type")},
        "asset_count": len(list_collection(state, row["id"])),
        "user_id": USER_ID,
        "brand_id": BRAND_ID,
        "is_global": False,
        "created_at": iso(row["created"]),
        "updated_at": iso(row["updated"]),
        "deleted_at": None,
    }


COLLECTION, COLLECTIONS = "/collections/{id}", "/collections"
PAGE: Mapping[str, Mapping[str, object]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
    "offset": {"type": "integer", "minimum": 0, "maximum": LARGEST, "default": 0},
}
ROUTES = (
    Route(
        method="POST", path=COLLECTIONS, handler=create, summary="Create a collection", success=201,
        body="CollectionRequest", answer="Collection", errors=(400, 413),
    ),
    Route(
        method="GET", path=COLLECTIONS, handler=list_collections, summary="List the collections",
        answer="CollectionList", errors=(400,), query={"asset_type": {"type": "string", "enum": list(KINDS)}},
    ),
    Route(method="GET", path=COLLECTION, handler=get, summary="Show a collection", answer="Collection", errors=(404,)),
    Route(
        method="PUT", path=COLLECTION, handler=rename, summary="Rename a collection", body="NameRequest",
        answer="Collection", errors=(400, 404, 413),
    ),
    Route(
        method="PATCH", path=COLLECTION, handler=update, summary="Change a collection", body="CollectionUpdate",
        answer="Collection", errors=(400, 404, 413),
    ),
    Route(method="DELETE", path=COLLECTION, handler=delete, summary="Delete a collection", errors=(404,)),
    Route(
        method="POST", path=COLLECTION + "/assets", handler=add_assets, summary="Add assets to a collection",
        body="AssetIds", answer="Collection", errors=(400, 404, 413),
    ),
    Route(
        method="GET", path=COLLECTION + "/assets", handler=list_assets, summary="List a collection's assets",
        answer="AssetList", errors=(400, 404), query=PAGE,
    ),
    Route(
        method="DELETE", path=COLLECTION + "/assets/{asset_id}", handler=remove_asset,
        summary="Remove an asset from a collection", errors=(404,),
    ),
)  # fmt: skip

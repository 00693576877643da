"""`/collections`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Dict, Mapping

from aiohttp import web

from bluma_async.sandbox.assets import asset_view, in_collection
from bluma_async.sandbox.checks import complaints, one_of, read_json, read_query, text, texts
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.problems import not_found
from bluma_async.sandbox.routing import LARGEST, Route
from bluma_async.sandbox.state import STATE, State

if TYPE_CHECKING:
    from bluma_async.sandbox.checks import Field
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES"]

KINDS = ("images", "videos", "all")
CREATE: Mapping[str, Field] = {
    "name": (text, True),
    "description": (text, False),
    "asset_type": (one_of(*KINDS), False),
}
UPDATE: Mapping[str, Field] = {"name": (text, False), "description": (text, False)}


async def create(request: web.Request) -> web.Response:
    """Make an empty collection."""
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
    """Show a collection."""
    return web.json_response(_view(request.app[STATE], _need(request)))


async def rename(request: web.Request) -> web.Response:
    """Give a collection another name."""
    return await _change(request, {"name": (text, True)})


async def update(request: web.Request) -> web.Response:
    """Change a collection's name, its description, or both."""
    return await _change(request, UPDATE)


async def delete(request: web.Request) -> web.Response:
    """Delete a collection; the assets stay."""
    state, row = request.app[STATE], _need(request)
    row["deleted"] = state.clock.time()
    state.collections.put(row)
    return web.json_response({})


async def add_assets(request: web.Request) -> web.Response:
    """Put assets into a collection: all of them, or none."""
    state, row = request.app[STATE], _need(request)
    body = await read_json(request, {"assetIds": (texts, True)})
    assets = [state.assets.need(identifier) for identifier in body["assetIds"]]
    for asset in assets:
        if row["id"] not in asset["collections"]:
            asset["collections"].append(row["id"])
            state.assets.put(asset)
    return web.json_response(_view(state, row))


async def remove_asset(request: web.Request) -> web.Response:
    """Take an asset out of a collection."""
    state, row = request.app[STATE], _need(request)
    asset = state.assets.need(request.match_info["asset_id"])
    if row["id"] not in asset["collections"]:
        raise not_found("asset", asset["id"])
    asset["collections"].remove(row["id"])
    state.assets.put(asset)
    return web.json_response({})


async def list_assets(request: web.Request) -> web.Response:
    """List the assets of a collection."""
    state, row = request.app[STATE], _need(request)
    query = read_query(request, {"limit": (50, 1, 100), "offset": (0, 0, LARGEST)}, {})
    found = in_collection(state, row["id"])
    shown = found[query["offset"] : query["offset"] + query["limit"]]
    return web.json_response({"assets": [asset_view(state, asset) for asset in shown], "total": len(found)})


async def listing(request: web.Request) -> web.Response:
    """List the collections."""
    state = request.app[STATE]
    wanted = read_query(request, {}, {"asset_type": one_of(*KINDS)}).get("asset_type")
    rows = [row for row in state.collections if row["deleted"] is None and wanted in {None, row["asset_type"]}]
    return web.json_response({"collections": [_view(state, row) for row in rows], "total": len(rows)})


async def _change(request: web.Request, fields: Mapping[str, Field]) -> web.Response:
    state, row = request.app[STATE], _need(request)
    body = await read_json(request, fields)
    complaints([(body.get("name") is None and body.get("description") is None, "name", "or description is required")])
    for name in fields:
        row[name] = body.get(name) or row[name]
    row["updated"] = state.clock.time()
    return web.json_response(_view(state, state.collections.put(row)))


def _need(request: web.Request) -> Row:
    row = request.app[STATE].collections.need(request.match_info["id"])
    if row["deleted"] is not None:
        raise not_found("collection", row["id"])
    return row


def _view(state: State, row: Row) -> Dict[str, Any]:
    return {
        **{name: row[name] for name in ("id", "name", "description", "asset_type")},
        "asset_count": len(in_collection(state, row["id"])),
        "user_id": "user_sandbox",
        "brand_id": None,
        "is_global": False,
        "created_at": iso(row["created"]),
        "updated_at": iso(row["updated"]),
        "deleted_at": None,
    }


ONE, MANY = "/collections/{id}", "/collections"
PAGE: Mapping[str, Mapping[str, object]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
    "offset": {"type": "integer", "minimum": 0, "maximum": LARGEST, "default": 0},
}
ROUTES = (
    Route(
        method="POST", path=MANY, handler=create, summary="Make a collection", success=201, body="CollectionRequest",
        answer="Collection", refusals=(400, 413),
    ),
    Route(
        method="GET", path=MANY, handler=listing, summary="List the collections", answer="CollectionList",
        refusals=(400,), query={"asset_type": {"type": "string", "enum": list(KINDS)}},
    ),
    Route(method="GET", path=ONE, handler=get, summary="Show a collection", answer="Collection", refusals=(404,)),
    Route(
        method="PUT", path=ONE, handler=rename, summary="Rename a collection", body="NameRequest",
        answer="Collection", refusals=(400, 404, 413),
    ),
    Route(
        method="PATCH", path=ONE, handler=update, summary="Change a collection", body="CollectionUpdate",
        answer="Collection", refusals=(400, 404, 413),
    ),
    Route(method="DELETE", path=ONE, handler=delete, summary="Delete a collection", refusals=(404,)),
    Route(
        method="POST", path=ONE + "/assets", handler=add_assets, summary="Put assets into a collection",
        body="AssetIds", answer="Collection", refusals=(400, 404, 413),
    ),
    Route(
        method="GET", path=ONE + "/assets", handler=list_assets, summary="List a collection's assets",
        answer="AssetList", refusals=(400, 404), query=PAGE,
    ),
    Route(
        method="DELETE", path=ONE + "/assets/{asset_id}", handler=remove_asset,
        summary="Take an asset out of a collection", refusals=(404,),
    ),
)  # fmt: skip

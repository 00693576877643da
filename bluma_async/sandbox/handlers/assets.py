"""Handlers of `/assets`."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, List, Mapping

from aiohttp import web
from aiohttp.http import HttpProcessingError

from bluma_async.sandbox.api_errors import ApiError, bad_request
from bluma_async.sandbox.assets import asset_view, create_asset, find_assets, need_collection
from bluma_async.sandbox.checks import check_text, check_texts, optional, read_json, read_query, required
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.routing import TEXT_QUERY, Route
from bluma_async.sandbox.state import STATE, State
from bluma_async.sandbox.threads import in_thread
from bluma_async.sandbox.uploads import Form, StagedFile, read_form

if TYPE_CHECKING:
    from bluma_async.sandbox.checks import Field
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES"]

PRESIGN: Mapping[str, Field] = {
    "fileName": required(check_text),
    "fileType": required(check_text),
    "collectionIds": optional(check_texts),
}


async def upload(request: web.Request) -> web.Response:
    """Sign a link for the upload of one file; or store the files of a multipart body."""
    state = request.app[STATE]
    if request.content_type == "multipart/form-data":
        rows = await _store_files(request)
        return web.json_response({"assets": [asset_view(state, row) for row in rows], "total": len(rows)}, status=201)
    body = await read_json(request, PRESIGN)
    asked: List[str] = body.get("collectionIds") or []
    collections = [need_collection(state, identifier)["id"] for identifier in asked]
    row = create_asset(state, body["fileName"], body["fileType"], collections)
    link, until = state.files.upload_url(row["place"])
    view = {"asset_id": row["id"], "upload_url": link, "cdn_url": state.files.public_url(row["place"])}
    return web.json_response({**view, "expires_at": iso(until)}, status=201)


async def get(request: web.Request) -> web.Response:
    """Return an asset, also a deleted one."""
    state = request.app[STATE]
    return web.json_response(asset_view(state, state.assets.need(request.match_info["id"])))


async def pick_random(request: web.Request) -> web.Response:
    """Return one random asset that matches."""
    state = request.app[STATE]
    query = read_query(request, {}, {"fileType": check_text, "collectionId": check_text, "excludeIds": check_text})
    if "fileType" not in query:
        raise bad_request(("fileType", "is required"))
    excluded = set(query.get("excludeIds", "").split(","))
    found = [
        row for row in find_assets(state, query["fileType"], query.get("collectionId")) if row["id"] not in excluded
    ]
    if not found:
        metadata = {"resource_type": "asset", "resource_id": None}
        raise ApiError(404, "No asset matches.", metadata=metadata)
    return web.json_response(asset_view(state, secrets.choice(found)))


async def rename(request: web.Request) -> web.Response:
    """Rename an asset."""
    state = request.app[STATE]
    row = state.assets.need(request.match_info["id"])
    row["name"] = (await read_json(request, {"name": required(check_text)}))["name"]
    row["updated"] = state.clock.time()
    return web.json_response(asset_view(state, state.assets.put(row)))


async def delete(request: web.Request) -> web.Response:
    """Mark an asset as deleted; it can be recovered."""
    _set_deleted(request, request.app[STATE].clock.time())
    return web.json_response({})


async def recover(request: web.Request) -> web.Response:
    """Recover a deleted asset."""
    return web.json_response(asset_view(request.app[STATE], _set_deleted(request, None)))


async def list_assets(request: web.Request) -> web.Response:
    """Return the assets that match, newest first."""
    state = request.app[STATE]
    query = read_query(request, {}, {"fileType": check_text, "collectionId": check_text, "includeDeleted": check_text})
    include = query.get("includeDeleted") == "true"
    rows = find_assets(state, query.get("fileType"), query.get("collectionId"), include_deleted=include)
    return web.json_response({"assets": [asset_view(state, row) for row in rows], "total": len(rows)})


def _set_deleted(request: web.Request, deleted: float | None) -> Row:
    state = request.app[STATE]
    row = state.assets.need(request.match_info["id"])
    row["deleted"] = deleted
    return state.assets.put(row)


async def _store_files(request: web.Request) -> List[Row]:
    """Store the files of a multipart body. The whole body is read first, so an invalid part stores nothing."""
    state = request.app[STATE]
    async with Form() as form:
        try:
            await read_form(request, state.files.folder / "assets", form)
        except (ValueError, AssertionError, HttpProcessingError) as error:
            errors = [("files", str(error))]
            raise ApiError(400, "The multipart body is malformed.", validation_errors=errors) from error
        if not form.files:
            raise bad_request(("files", "must hold at least one file"))
        collection = form.fields.get("collection_id")
        collections = [need_collection(state, collection)["id"]] if collection else []
        return [await _keep(state, file, collections) for file in form.files]


async def _keep(state: State, file: StagedFile, collections: List[str]) -> Row:
    row = create_asset(state, file.name, file.kind, collections)
    path = state.files.find_path(row["place"])
    if path is not None:
        await in_thread(os.replace, file.path, path)
    row["size"] = file.size
    return state.assets.put(row)


ASSET = "/assets/{id}"
ROUTES = (
    Route(
        method="POST", path="/assets/upload", handler=upload, summary="Sign an upload, or upload files", success=201,
        body="AssetUpload", form="AssetForm", answer="AssetUploadAnswer", errors=(400, 404, 413),
    ),
    Route(
        method="GET", path="/assets/random", handler=pick_random, summary="Show any one asset that matches",
        answer="Asset", errors=(400, 404), needs=("fileType",),
        query={"fileType": TEXT_QUERY, "collectionId": TEXT_QUERY, "excludeIds": TEXT_QUERY},
    ),
    Route(
        method="GET", path="/assets", handler=list_assets, summary="List the assets", answer="AssetList", errors=(400,),
        query={
            "fileType": TEXT_QUERY,
            "collectionId": TEXT_QUERY,
            "includeDeleted": {"type": "string", "enum": ["true", "false"]},
        },
    ),
    Route(method="GET", path=ASSET, handler=get, summary="Show an asset", answer="Asset", errors=(404,)),
    Route(
        method="PUT", path=ASSET, handler=rename, summary="Rename an asset", body="NameRequest", answer="Asset",
        errors=(400, 404, 413),
    ),
    Route(method="DELETE", path=ASSET, handler=delete, summary="Delete an asset", errors=(404,)),
    Route(
        method="POST", path=ASSET + "/recover", handler=recover, summary="Recover an asset", answer="Asset",
        errors=(404,),
    ),
)  # fmt: skip

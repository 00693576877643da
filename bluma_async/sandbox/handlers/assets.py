"""`/assets`."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any, Dict, List, Mapping

from aiohttp import BodyPartReader, web

from bluma_async.sandbox.assets import asset_view, matching, new_asset
from bluma_async.sandbox.checks import read_json, read_query, text, texts
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.problems import Problem, bad_request
from bluma_async.sandbox.routing import TEXT_QUERY, Route
from bluma_async.sandbox.state import STATE, State

if TYPE_CHECKING:
    from bluma_async.sandbox.checks import Field
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES"]

MAX_FILES = 20
MAX_BYTES = 100 * 10**6
FAMILIES = ("image", "video", "audio")
PRESIGN: Mapping[str, Field] = {"fileName": (text, True), "fileType": (text, True), "collectionIds": (texts, False)}


async def upload(request: web.Request) -> web.Response:
    """Sign a link to PUT one file to, or take several files at once: the body's type tells."""
    state = request.app[STATE]
    if request.content_type == "multipart/form-data":
        rows = await _take(request)
        return web.json_response({"assets": [asset_view(state, row) for row in rows], "total": len(rows)}, status=201)
    body = await read_json(request, PRESIGN)
    asked: List[str] = body.get("collectionIds") or []
    collections = [state.collections.need(identifier)["id"] for identifier in asked]
    row = new_asset(state, body["fileName"], body["fileType"], collections)
    link, until = state.files.upload_url(row["place"])
    view = {"asset_id": row["id"], "upload_url": link, "cdn_url": state.files.public_url(row["place"])}
    return web.json_response({**view, "expires_at": iso(until)}, status=201)


async def get(request: web.Request) -> web.Response:
    """Show an asset, a deleted one too."""
    state = request.app[STATE]
    return web.json_response(asset_view(state, state.assets.need(request.match_info["id"])))


async def random(request: web.Request) -> web.Response:
    """Show any one asset that matches."""
    state = request.app[STATE]
    query = read_query(request, {}, {"fileType": text, "collectionId": text, "excludeIds": text})
    if "fileType" not in query:
        raise bad_request(("fileType", "is required"))
    excluded = set(query.get("excludeIds", "").split(","))
    found = [row for row in matching(state, query["fileType"], query.get("collectionId")) if row["id"] not in excluded]
    if not found:
        metadata = {"resource_type": "asset", "resource_id": None}
        raise Problem(404, "No asset matches.", metadata=metadata)
    return web.json_response(asset_view(state, secrets.choice(found)))


async def rename(request: web.Request) -> web.Response:
    """Give an asset another name."""
    state = request.app[STATE]
    row = state.assets.need(request.match_info["id"])
    row["name"] = (await read_json(request, {"name": (text, True)}))["name"]
    row["updated"] = state.clock.time()
    return web.json_response(asset_view(state, state.assets.put(row)))


async def delete(request: web.Request) -> web.Response:
    """Delete an asset; it can be recovered."""
    _mark(request, request.app[STATE].clock.time())
    return web.json_response({})


async def recover(request: web.Request) -> web.Response:
    """Bring a deleted asset back."""
    return web.json_response(asset_view(request.app[STATE], _mark(request, None)))


async def listing(request: web.Request) -> web.Response:
    """List the assets that match, newest first."""
    state = request.app[STATE]
    query = read_query(request, {}, {"fileType": text, "collectionId": text, "includeDeleted": text})
    include = query.get("includeDeleted") == "true"
    rows = matching(state, query.get("fileType"), query.get("collectionId"), include_deleted=include)
    return web.json_response({"assets": [asset_view(state, row) for row in rows], "total": len(rows)})


def _mark(request: web.Request, deleted: float | None) -> Row:
    state = request.app[STATE]
    row = state.assets.need(request.match_info["id"])
    row["deleted"] = deleted
    return state.assets.put(row)


async def _take(request: web.Request) -> List[Row]:
    """Take every file of a multipart body; each is on disk before its asset is made."""
    state = request.app[STATE]
    fields: Dict[str, str] = {}
    taken: List[tuple[str, str, bytes]] = []
    try:
        reader: Any = await request.multipart()
        async for part in reader:
            if not isinstance(part, BodyPartReader):
                raise bad_request(("files", "must not be nested"))
            if part.name == "files":
                taken.append(await _file(part, len(taken)))
            elif part.name:
                fields[part.name] = (await _limited(part, 1000)).decode("utf-8", "replace")
    except (ValueError, AssertionError) as broken:
        raise Problem(400, "The multipart body is broken.", validation_errors=[("files", str(broken))]) from broken
    if not taken:
        raise bad_request(("files", "must hold at least one file"))
    collection = fields.get("collection_id")
    collections = [state.collections.need(collection)["id"]] if collection else []
    return [await _keep(state, *entry, collections) for entry in taken]


async def _file(part: BodyPartReader, index: int) -> tuple[str, str, bytes]:
    if index >= MAX_FILES:
        raise bad_request(("files", f"must be at most {MAX_FILES}"))
    kind = part.headers.get("Content-Type", "application/octet-stream")
    if kind.partition("/")[0] not in FAMILIES:
        raise bad_request(("files", f"must be images, videos or audio, not {kind}"))
    return part.filename or f"file-{index}", kind, await _limited(part, MAX_BYTES)


async def _limited(part: BodyPartReader, limit: int) -> bytes:
    content = bytearray()
    while not part.at_eof():
        content += await part.read_chunk(2**16)
        if len(content) > limit:
            raise Problem(413, f"A part is larger than {limit} bytes.")
    return bytes(content)


async def _keep(state: State, name: str, kind: str, content: bytes, collections: List[str]) -> Row:
    row = new_asset(state, name, kind, collections)
    path = state.files.path_of(row["place"])
    if path is not None:
        await asyncio.get_running_loop().run_in_executor(None, path.write_bytes, content)
    row["size"] = len(content)
    return state.assets.put(row)


ONE = "/assets/{id}"
ROUTES = (
    Route(
        method="POST", path="/assets/upload", handler=upload, summary="Sign an upload, or upload files", success=201,
        body="AssetUpload", answer="AssetUploadAnswer", refusals=(400, 404, 413),
    ),
    Route(
        method="GET", path="/assets/random", handler=random, summary="Show any one asset that matches",
        answer="Asset", refusals=(400, 404), needs=("fileType",),
        query={"fileType": TEXT_QUERY, "collectionId": TEXT_QUERY, "excludeIds": TEXT_QUERY},
    ),
    Route(
        method="GET", path="/assets", handler=listing, summary="List the assets", answer="AssetList", refusals=(400,),
        query={
            "fileType": TEXT_QUERY,
            "collectionId": TEXT_QUERY,
            "includeDeleted": {"type": "string", "enum": ["true", "false"]},
        },
    ),
    Route(method="GET", path=ONE, handler=get, summary="Show an asset", answer="Asset", refusals=(404,)),
    Route(
        method="PUT", path=ONE, handler=rename, summary="Rename an asset", body="NameRequest", answer="Asset",
        refusals=(400, 404, 413),
    ),
    Route(method="DELETE", path=ONE, handler=delete, summary="Delete an asset", refusals=(404,)),
    Route(
        method="POST", path=ONE + "/recover", handler=recover, summary="Recover an asset", answer="Asset",
        refusals=(404,),
    ),
)  # fmt: skip

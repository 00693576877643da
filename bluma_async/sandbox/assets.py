"""Assets: their rows, the search, and their JSON."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from bluma_async.sandbox.account import BRAND_ID, USER_ID
from bluma_async.sandbox.api_errors import not_found
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.uploads import MIME_TYPES

if TYPE_CHECKING:
    from bluma_async.sandbox.state import State
    from bluma_async.sandbox.tables import Row

__all__ = ["asset_view", "create_asset", "find_assets", "list_collection", "need_collection"]


def create_asset(state: State, file_name: str, file_type: str, collections: Sequence[str]) -> Row:
    """Create an asset whose bytes are uploaded later."""
    name = os.path.basename(file_name.replace("\\", "/")) or "file"  # noqa: PTH119 - a name from the client, not a path on this machine
    identifier = f"asset_{secrets.token_hex(8)}"
    now = state.clock.time()
    extension = MIME_TYPES.guess_extension(file_type.partition(";")[0].strip()) or ""
    return state.assets.put(
        {
            "id": identifier,
            "name": name,
            "file_name": name,
            "file_type": file_type,
            "place": f"assets/{identifier}{extension}",
            "size": 0,
            "collections": list(collections),
            "created": now,
            "updated": now,
            "deleted": None,
        }
    )


def need_collection(state: State, identifier: str) -> Row:
    """Return a collection; raise a 404 for an unknown or deleted one."""
    row = state.collections.need(identifier)
    if row["deleted"] is not None:
        raise not_found("collection", identifier)
    return row


def find_assets(
    state: State, file_type: str | None, collection_id: str | None, *, include_deleted: bool = False
) -> List[Row]:
    """Return assets, newest first: all, or those of a family (`image`) or MIME type (`image/jpeg`) or a collection."""
    collection = None if collection_id is None else state.collections.find(collection_id)
    if collection is not None and collection["deleted"] is not None:
        return []  # the rows of its assets still name it
    return [
        row
        for row in list(state.assets)[::-1]
        if (include_deleted or row["deleted"] is None)
        and (file_type is None or file_type in {row["file_type"], row["file_type"].partition("/")[0]})
        and (collection_id is None or collection_id in row["collections"])
    ]


def list_collection(state: State, collection_id: str) -> List[Row]:
    """Return the assets of a collection that are not deleted."""
    return find_assets(state, None, collection_id)


def asset_view(state: State, row: Row) -> Dict[str, Any]:
    """Return an asset with the field names of the reference and those of the 1.2.0 package."""
    link = state.files.public_url(row["place"])
    deleted = row["deleted"]
    return {
        "id": row["id"],
        "name": row["name"],
        "display_name": row["name"],
        "original_filename": row["file_name"],
        "cdn_url": link,
        "cloudfront_url": link,
        "s3_url": link,
        "s3_key": row["place"],
        "thumbnail_url": None,
        "file_type": row["file_type"],
        "file_size_bytes": row["size"],
        "source_type": "uploaded",
        "user_id": USER_ID,
        "brand_id": BRAND_ID,
        "metadata": {},
        "created_at": iso(row["created"]),
        "updated_at": iso(row["updated"]),
        "deleted_at": None if deleted is None else iso(deleted),
    }

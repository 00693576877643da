"""Assets: what is known of each, and which match."""

from __future__ import annotations

import mimetypes
import os
import secrets
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from bluma_async.sandbox.clock import iso

if TYPE_CHECKING:
    from bluma_async.sandbox.state import State
    from bluma_async.sandbox.tables import Row

__all__ = ["asset_view", "in_collection", "matching", "new_asset"]


def new_asset(state: State, file_name: str, file_type: str, collections: Sequence[str]) -> Row:
    """Make an asset whose bytes are yet to come."""
    name = os.path.basename(file_name.replace("\\", "/")) or "file"  # noqa: PTH119 - a name, not a file of ours
    identifier = f"asset_{secrets.token_hex(8)}"
    now = state.clock.time()
    extension = mimetypes.guess_extension(file_type.partition(";")[0].strip()) or ""
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


def matching(
    state: State, file_type: str | None, collection_id: str | None, *, include_deleted: bool = False
) -> List[Row]:
    """Return the assets of a family (`image`) or a MIME type (`image/jpeg`), of a collection, or all; newest first."""
    return [
        row
        for row in list(state.assets)[::-1]
        if (include_deleted or row["deleted"] is None)
        and (file_type is None or file_type in {row["file_type"], row["file_type"].partition("/")[0]})
        and (collection_id is None or collection_id in row["collections"])
    ]


def in_collection(state: State, collection_id: str) -> List[Row]:
    """Return the assets of a collection that are not deleted."""
    return matching(state, None, collection_id)


def asset_view(state: State, row: Row) -> Dict[str, Any]:
    """Return an asset under the names of the reference and of the 1.2.0 package, both."""
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
        "user_id": "user_sandbox",
        "brand_id": None,
        "metadata": {},
        "created_at": iso(row["created"]),
        "updated_at": iso(row["updated"]),
        "deleted_at": None if deleted is None else iso(deleted),
    }

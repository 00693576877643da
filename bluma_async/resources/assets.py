"""Assets: the caller's own pictures, videos and sounds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable, List, Sequence, overload

from bluma_async._wire.call import Call, compact, delete, get, path, post, put
from bluma_async._wire.checks import invalid, require_callable, require_id, require_text, require_whole
from bluma_async._wire.codec import Many, One
from bluma_async._wire.ids import find_id, require_ids
from bluma_async.resources._uploading import AssetFile, gather_some, make_parts, require_files
from bluma_async.transfer.bounds import find_end, within_deadline
from bluma_async.transfer.upload import put_file
from bluma_async.types import Asset, AssetUploadResponse, Collection

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async._wire.messages import Part

__all__ = ["Assets"]


class Assets:
    """Upload and manage files that templates use."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @overload
    async def upload(
        self, *, file_name: str, file_type: str, collection_ids: Sequence[str | Collection] | None = None
    ) -> AssetUploadResponse: ...

    @overload
    async def upload(
        self, files: Sequence[AssetFile], file_type: str | None = None, collection_id: str | Collection | None = None
    ) -> List[Asset]: ...

    async def upload(
        self,
        files: Sequence[AssetFile] | None = None,
        file_type: str | None = None,
        collection_id: str | Collection | None = None,
        *,
        file_name: str | None = None,
        collection_ids: Sequence[str | Collection] | None = None,
    ) -> AssetUploadResponse | List[Asset]:
        """
        Upload assets in one of two forms: get a signed link for one file, or send several files in one request.

        With `file_name` and `file_type`, the asset is created and a signed link is returned. Send the bytes there with
        PUT and without an API key. With `files`, the files are sent and their assets are returned.

        Args:
            files: Paths, bytes or binary file objects: 1 to 20, of at most 100 MB each.
            file_type: The MIME type, such as `image/jpeg`. Required with `file_name`; with `files`, the default is a
                guess from each name.
            collection_id: A collection to which `files` are added.
            file_name: The asset's name; of a path, the last part is used.
            collection_ids: Collections to which the asset is added.

        Raises:
            InvalidArgumentError: Both forms or neither, too many files, or a file that is missing or too large. Nothing
                was sent.
        """
        if (files is None) == (file_name is None):
            raise invalid("files", "Either files, or file_name and file_type, must be provided.")
        if files is None:
            return await self._session.send(_presign(file_name, file_type, collection_ids))
        collection = find_id("collection_id", collection_id, Collection)
        parts = await make_parts(files, file_type)
        fields = {} if collection is None else {"collection_id": collection}
        return await self._session.send(post("/assets/upload", Many(Asset, "assets"), parts=parts, fields=fields))

    async def upload_file(
        self,
        file: AssetFile,
        *,
        name: str | None = None,
        file_type: str | None = None,
        collection_ids: Sequence[str | Collection] | None = None,
        on_progress: Callable[[int, int], Any] | None = None,
    ) -> Asset:
        """
        Upload one file, and return its asset. Three requests are sent: sign a link, send the bytes, read the asset.

        A path is read while it is sent. If the connection breaks, all bytes are sent again, as often as the client's
        retry options allow. The client's `deadline` bounds all three requests together, with their retries.

        Args:
            file: A path, bytes, or a binary file object, of at most 100 MB.
            name: The asset's name; default: the name of the file.
            file_type: The MIME type, such as `image/jpeg`; default: a guess from the name.
            collection_ids: Collections to which the asset is added.
            on_progress: Called with the bytes sent so far and the size of the file. May be async.

        Raises:
            InvalidArgumentError: The file is missing, too large, or not a file. Nothing was sent.
            NetworkError: The connection broke more often than the retry options allow, or the deadline has passed.
        """
        require_callable("on_progress", on_progress)
        (part,) = await make_parts([file], file_type)
        call = _presign(name or part.file_name, part.content_type, collection_ids)
        return await within_deadline(
            self._session, self._upload(call, part, on_progress), f"The upload of {part.file_name!r}"
        )

    async def _upload(
        self, call: Call[AssetUploadResponse], part: Part, on_progress: Callable[[int, int], Any] | None
    ) -> Asset:
        ends = find_end(self._session)
        signed = await self._session.send(call)
        await put_file(self._session, signed.upload_url, part, on_progress, ends)
        return await self.get(signed.asset_id)

    async def upload_files(
        self,
        files: Sequence[AssetFile],
        *,
        file_type: str | None = None,
        collection_ids: Sequence[str | Collection] | None = None,
        concurrency: int = 4,
    ) -> List[Asset]:
        """
        Upload several files, each with three requests like `upload_file`, and return their assets in the same order.

        Args:
            files: Paths, bytes, or binary file objects, of at most 100 MB each.
            file_type: The MIME type of all files; default: a guess from each name.
            collection_ids: Collections to which the assets are added.
            concurrency: The number of uploads in flight; at least 1.

        Raises:
            InvalidArgumentError: `concurrency` is invalid, or a file is missing or too large.
            BlumaError: An upload failed. Uploads in flight are cancelled; assets that are complete are kept.
        """
        require_whole("concurrency", concurrency, at_least=1)
        require_files(files)

        async def upload(file: AssetFile) -> Asset:
            return await self.upload_file(file, file_type=file_type, collection_ids=collection_ids)

        return await gather_some(upload, files, concurrency)

    async def get(self, asset_id: str | Asset) -> Asset:
        """
        Return an asset. Its size is None or 0 until its bytes are uploaded.

        Raises:
            NotFoundError: There is no asset with this id.
        """
        return await self._session.send(get(path("/assets", require_id("asset_id", asset_id, Asset)), One(Asset)))

    async def get_random(
        self,
        file_type: str,
        collection_id: str | Collection | None = None,
        used_asset_ids: Sequence[str | Asset] | None = None,
    ) -> Asset:
        """
        Return a random asset that matches.

        Args:
            file_type: A family of MIME types such as `image`, or one MIME type such as `image/jpeg`.
            collection_id: Only assets of this collection.
            used_asset_ids: Assets that are not returned again.

        Raises:
            InvalidArgumentError: `file_type` is empty, or `used_asset_ids` is a single string. Nothing was sent.
            NotFoundError: No asset matches.
        """
        used = [] if used_asset_ids is None else require_ids("used_asset_ids", used_asset_ids, Asset)
        call = get(
            "/assets/random",
            One(Asset),
            fileType=require_text("file_type", file_type),
            collectionId=find_id("collection_id", collection_id, Collection),
            excludeIds=",".join(used) or None,
        )
        return await self._session.send(call)

    async def rename(self, asset_id: str | Asset, name: str) -> Asset:
        """
        Change an asset's name.

        Raises:
            NotFoundError: There is no asset with this id.
        """
        return await self._session.send(
            put(
                path("/assets", require_id("asset_id", asset_id, Asset)),
                One(Asset),
                {"name": require_text("name", name)},
            )
        )

    async def delete(self, asset_id: str | Asset) -> None:
        """
        Delete an asset. It can be recovered.

        Raises:
            NotFoundError: There is no asset with this id.
        """
        await self._session.send(delete(path("/assets", require_id("asset_id", asset_id, Asset))))

    async def recover(self, asset_id: str | Asset) -> Asset:
        """
        Restore a deleted asset.

        Raises:
            NotFoundError: There has never been an asset with this id.
        """
        return await self._session.send(
            post(path("/assets", require_id("asset_id", asset_id, Asset), "recover"), One(Asset))
        )

    async def list(
        self, file_type: str | None = None, collection_id: str | Collection | None = None, include_deleted: bool = False
    ) -> List[Asset]:
        """
        Return the assets that match.

        Args:
            file_type: A family of MIME types such as `image`, or one MIME type such as `image/jpeg`.
            collection_id: Only assets of this collection.
            include_deleted: Whether deleted assets are returned too.
        """
        call = get(
            "/assets",
            Many(Asset, "assets"),
            fileType=file_type,
            collectionId=find_id("collection_id", collection_id, Collection),
            includeDeleted=True if include_deleted else None,
        )
        return await self._session.send(call)


def _last_part(name: str) -> str:
    """
    Return the last part of a path of any system: a name may come from another machine.

    Raises:
        InvalidArgumentError: The path has no part.
    """
    parts = [part for part in re.split(r"[\\/]", name) if part.strip()]
    if not parts:
        raise invalid("file_name", f"file_name must be a name, or a path with one, not {name!r}.")
    return parts[-1]


def _presign(
    file_name: str | None, file_type: str | None, collection_ids: Sequence[str | Collection] | None
) -> Call[AssetUploadResponse]:
    body = compact(
        fileName=_last_part(require_text("file_name", file_name)),
        fileType=require_text("file_type", file_type),
        collectionIds=None if collection_ids is None else require_ids("collection_ids", collection_ids, Collection),
    )
    return post("/assets/upload", One(AssetUploadResponse), body)

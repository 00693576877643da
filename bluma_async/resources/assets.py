"""Assets: pictures, videos and sounds of one's own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, List, Sequence, overload

from bluma_async._wire.call import Call, compact, delete, get, path, post, put
from bluma_async._wire.checks import invalid, require_id_list, require_text, require_whole
from bluma_async._wire.codec import Many, One
from bluma_async.resources._uploading import AssetFile, gather_some, parts_of
from bluma_async.transfer.upload import put_file
from bluma_async.types import Asset, AssetUploadResponse

if TYPE_CHECKING:
    from bluma_async._session.session import Session

__all__ = ["Assets"]


class Assets:
    """Upload and manage files that templates use."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @overload
    async def upload(
        self, *, file_name: str, file_type: str, collection_ids: Sequence[str] | None = None
    ) -> AssetUploadResponse: ...

    @overload
    async def upload(
        self, files: Sequence[AssetFile], file_type: str | None = None, collection_id: str | None = None
    ) -> List[Asset]: ...

    async def upload(
        self,
        files: Sequence[AssetFile] | None = None,
        file_type: str | None = None,
        collection_id: str | None = None,
        *,
        file_name: str | None = None,
        collection_ids: Sequence[str] | None = None,
    ) -> AssetUploadResponse | List[Asset]:
        """
        Upload assets: either get a link to PUT one file to, or send several files at once.

        With `file_name` and `file_type`, the asset is made and a link is returned; PUT the bytes there, without a key.
        With `files`, they are sent in one request and the assets are returned.

        Args:
            files: Paths, bytes or binary file objects; at most 20, of at most 100 MB each.
            file_type: The MIME type, such as `image/jpeg`; with `files`, guessed from each name if left out.
            collection_id: A collection to put `files` into.
            file_name: The asset's name; a path is cut down to its last part.
            collection_ids: Collections to put the asset into.

        Raises:
            InvalidArgumentError: Both forms or neither, too many files, or a file that is not there. Nothing was sent.
        """
        if (files is None) == (file_name is None):
            raise invalid("files", "Either files, or file_name and file_type, must be provided.")
        if files is None:
            return await self._session.send(_presign(file_name, file_type, collection_ids))
        parts = await parts_of(files, file_type)
        fields = {} if collection_id is None else {"collection_id": require_text("collection_id", collection_id)}
        return await self._session.send(post("/assets/upload", Many(Asset, "assets"), parts=parts, fields=fields))

    async def upload_file(
        self,
        file: AssetFile,
        *,
        name: str | None = None,
        file_type: str | None = None,
        collection_ids: Sequence[str] | None = None,
        on_progress: Callable[[int, int], Any] | None = None,
    ) -> Asset:
        """
        Upload one file, and return its asset: signs a link, sends the bytes there, and reads the asset.

        A path is read while it is sent. What breaks off is sent again from its first byte, as the client's retries say.

        Args:
            file: A path, bytes, or a binary file object; of at most 100 MB.
            name: The asset's name; the file's own by default.
            file_type: The MIME type, such as `image/jpeg`; guessed from the name by default.
            collection_ids: Collections to put the asset into.
            on_progress: Called with the bytes sent so far and the bytes there are. May be async.

        Raises:
            InvalidArgumentError: The file is not there, is too large, or is no file. Nothing was sent.
            NetworkError: The connection broke too often.
        """
        (part,) = await parts_of([file], file_type)
        signed = await self._session.send(_presign(name or part.file_name, part.content_type, collection_ids))
        await put_file(self._session, signed.upload_url, part, on_progress)
        return await self.get(signed.asset_id)

    async def upload_files(
        self,
        files: Sequence[AssetFile],
        *,
        file_type: str | None = None,
        collection_ids: Sequence[str] | None = None,
        concurrency: int = 4,
    ) -> List[Asset]:
        """
        Upload several files as `upload_file` does, some at a time, and return their assets in the same order.

        Args:
            files: Paths, bytes, or binary file objects.
            file_type: The MIME type of all; guessed from each name by default.
            collection_ids: Collections to put the assets into.
            concurrency: How many at a time; at least 1.

        Raises:
            BlumaError: As in `upload_file`, for the first that failed; those under way are cancelled, those done stay.
        """
        require_whole("concurrency", concurrency, at_least=1)

        async def upload(file: AssetFile) -> Asset:
            return await self.upload_file(file, file_type=file_type, collection_ids=collection_ids)

        return await gather_some(upload, files, concurrency)

    async def get(self, asset_id: str) -> Asset:
        """
        Return an asset; before its bytes are there, its size is None or 0.

        Raises:
            NotFoundError: There is no such asset.
        """
        return await self._session.send(get(path("assets", asset_id), One(Asset)))

    async def get_random(
        self, file_type: str, collection_id: str | None = None, used_asset_ids: Sequence[str] | None = None
    ) -> Asset:
        """
        Return any one asset that matches.

        Args:
            file_type: A family such as `image`, or a MIME type such as `image/jpeg`.
            collection_id: Only from this collection.
            used_asset_ids: None of these.

        Raises:
            NotFoundError: None matches.
        """
        require_id_list("used_asset_ids", used_asset_ids)
        call = get(
            "/assets/random",
            One(Asset),
            fileType=require_text("file_type", file_type),
            collectionId=collection_id,
            excludeIds=",".join(used_asset_ids) if used_asset_ids else None,
        )
        return await self._session.send(call)

    async def rename(self, asset_id: str, name: str) -> Asset:
        """Give an asset another name."""
        return await self._session.send(put(path("assets", asset_id), One(Asset), {"name": require_text("name", name)}))

    async def delete(self, asset_id: str) -> None:
        """Delete an asset. It can be recovered."""
        await self._session.send(delete(path("assets", asset_id)))

    async def recover(self, asset_id: str) -> Asset:
        """
        Bring a deleted asset back.

        Raises:
            NotFoundError: There never was such an asset.
        """
        return await self._session.send(post(path("assets", asset_id, "recover"), One(Asset)))

    async def list(
        self, file_type: str | None = None, collection_id: str | None = None, include_deleted: bool = False
    ) -> List[Asset]:
        """
        Return the assets that match.

        Args:
            file_type: A family such as `image`, or a MIME type such as `image/jpeg`.
            collection_id: Only those of this collection.
            include_deleted: Also those that were deleted.
        """
        call = get(
            "/assets",
            Many(Asset, "assets"),
            fileType=file_type,
            collectionId=collection_id,
            includeDeleted=True if include_deleted else None,
        )
        return await self._session.send(call)


def _presign(
    file_name: str | None, file_type: str | None, collection_ids: Sequence[str] | None
) -> Call[AssetUploadResponse]:
    require_id_list("collection_ids", collection_ids)
    body = compact(
        fileName=os.path.basename(require_text("file_name", file_name)),  # noqa: PTH119 - a name, not a file of ours
        fileType=require_text("file_type", file_type),
        collectionIds=None if collection_ids is None else list(collection_ids),
    )
    return post("/assets/upload", One(AssetUploadResponse), body)

# Generated from bluma_async/resources/assets.py by `nox -s facade`: change that, not this.
"""Assets: the caller's own pictures, videos and sounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Coroutine, List, Sequence, cast, overload

from bluma_sync._portal import run

if TYPE_CHECKING:
    from bluma_async.resources import assets as asynchronous
    from bluma_async.resources._uploading import AssetFile
    from bluma_async.types import Asset, AssetUploadResponse, Collection

__all__ = ["Assets"]


class Assets:
    """Upload and manage files that templates use."""

    def __init__(self, twin: asynchronous.Assets) -> None:
        self._async = twin

    @overload
    def upload(
        self, *, file_name: str, file_type: str, collection_ids: Sequence[str | Collection] | None = None
    ) -> AssetUploadResponse: ...

    @overload
    def upload(
        self, files: Sequence[AssetFile], file_type: str | None = None, collection_id: str | Collection | None = None
    ) -> List[Asset]: ...

    def upload(
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
        call = cast("Callable[..., Coroutine[Any, Any, AssetUploadResponse | List[Asset]]]", self._async.upload)
        return run(call(files, file_type, collection_id, file_name=file_name, collection_ids=collection_ids))

    def upload_file(
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
        return run(
            self._async.upload_file(
                file, name=name, file_type=file_type, collection_ids=collection_ids, on_progress=on_progress
            )
        )

    def upload_files(
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
        return run(
            self._async.upload_files(files, file_type=file_type, collection_ids=collection_ids, concurrency=concurrency)
        )

    def get(self, asset_id: str | Asset) -> Asset:
        """
        Return an asset. Its size is None or 0 until its bytes are uploaded.

        Raises:
            NotFoundError: There is no asset with this id.
        """
        return run(self._async.get(asset_id))

    def get_random(
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
        return run(self._async.get_random(file_type, collection_id, used_asset_ids))

    def rename(self, asset_id: str | Asset, name: str) -> Asset:
        """
        Change an asset's name.

        Raises:
            NotFoundError: There is no asset with this id.
        """
        return run(self._async.rename(asset_id, name))

    def delete(self, asset_id: str | Asset) -> None:
        """
        Delete an asset. It can be recovered.

        Raises:
            NotFoundError: There is no asset with this id.
        """
        run(self._async.delete(asset_id))

    def recover(self, asset_id: str | Asset) -> Asset:
        """
        Restore a deleted asset.

        Raises:
            NotFoundError: There has never been an asset with this id.
        """
        return run(self._async.recover(asset_id))

    def list(
        self, file_type: str | None = None, collection_id: str | Collection | None = None, include_deleted: bool = False
    ) -> List[Asset]:
        """
        Return the assets that match.

        Args:
            file_type: A family of MIME types such as `image`, or one MIME type such as `image/jpeg`.
            collection_id: Only assets of this collection.
            include_deleted: Whether deleted assets are returned too.
        """
        return run(self._async.list(file_type, collection_id, include_deleted))

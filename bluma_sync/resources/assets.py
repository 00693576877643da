# Generated from bluma_async/resources/assets.py by `nox -s facade`: change that, not this.
"""Assets: pictures, videos and sounds of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Coroutine, List, Sequence, cast, overload

from bluma_sync._portal import run

if TYPE_CHECKING:
    from bluma_async.resources import assets as asynchronous
    from bluma_async.resources._uploading import AssetFile
    from bluma_async.types import Asset, AssetUploadResponse

__all__ = ["Assets"]


class Assets:
    """Upload and manage files that templates use."""

    def __init__(self, twin: asynchronous.Assets) -> None:
        self._async = twin

    @overload
    def upload(
        self, *, file_name: str, file_type: str, collection_ids: Sequence[str] | None = None
    ) -> AssetUploadResponse: ...

    @overload
    def upload(
        self, files: Sequence[AssetFile], file_type: str | None = None, collection_id: str | None = None
    ) -> List[Asset]: ...

    def upload(
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
        call = cast("Callable[..., Coroutine[Any, Any, AssetUploadResponse | List[Asset]]]", self._async.upload)
        return run(call(files, file_type, collection_id, file_name=file_name, collection_ids=collection_ids))

    def upload_file(
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
        return run(
            self._async.upload_files(files, file_type=file_type, collection_ids=collection_ids, concurrency=concurrency)
        )

    def get(self, asset_id: str) -> Asset:
        """
        Return an asset; before its bytes are there, its size is None or 0.

        Raises:
            NotFoundError: There is no such asset.
        """
        return run(self._async.get(asset_id))

    def get_random(
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
        return run(self._async.get_random(file_type, collection_id, used_asset_ids))

    def rename(self, asset_id: str, name: str) -> Asset:
        """Give an asset another name."""
        return run(self._async.rename(asset_id, name))

    def delete(self, asset_id: str) -> None:
        """Delete an asset. It can be recovered."""
        run(self._async.delete(asset_id))

    def recover(self, asset_id: str) -> Asset:
        """
        Bring a deleted asset back.

        Raises:
            NotFoundError: There never was such an asset.
        """
        return run(self._async.recover(asset_id))

    def list(
        self, file_type: str | None = None, collection_id: str | None = None, include_deleted: bool = False
    ) -> List[Asset]:
        """
        Return the assets that match.

        Args:
            file_type: A family such as `image`, or a MIME type such as `image/jpeg`.
            collection_id: Only those of this collection.
            include_deleted: Also those that were deleted.
        """
        return run(self._async.list(file_type, collection_id, include_deleted))

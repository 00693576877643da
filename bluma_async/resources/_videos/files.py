"""The file of a video: a link to it, and its download to a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from bluma_async.resources._videos import parts

if TYPE_CHECKING:
    import os

    from typing_extensions import Literal

    from bluma_async._session.session import Session
    from bluma_async.types import Video, VideoDownload

__all__ = ["VideoFiles"]


class VideoFiles:
    """The methods of `videos` that are about files."""

    _session: Session

    async def download(self, video_id: str | Video) -> VideoDownload:
        """
        Return a signed link to a completed video. It is valid for one hour, for everybody: it needs no API key.

        Raises:
            ValidationError: The video is not completed.
            NotFoundError: There is no video with this id; perhaps it was deleted.
        """
        return await self._session.send(parts.download_call(video_id))

    async def save(
        self,
        video_id: str | Video,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        verify: Literal["size", "container", "none"] = "size",
        on_progress: Callable[[int, int | None], Any] | None = None,
    ) -> int:
        """
        Write a completed video to a file, and return its size in bytes.

        The bytes are written to `path` with `.part` appended, and the file is renamed when it is complete and fits its
        description: `path` never has a part of a file. If the connection breaks, the download continues behind the last
        byte, in this call or in a later one, if the server still has the same file. A link that has expired meanwhile
        is signed again. As many files are downloaded at a time as the client may have connections; more of them queue.

        A URL saves to an object store: `s3://BUCKET/KEY`, `gs://`, `az://` or `memory://` (extra `cloud`); `file:///PATH`
        is that path. The object appears when it is complete and fits its description. A broken connection continues in
        the same upload; a save that ends early leaves nothing.

        The client's `deadline` bounds the whole call. Without one, a save ends when `max_retries` attempts after the
        first one bring less than 64 KiB (or 1 % of a smaller file) each, or arrive at less than 1 KiB per second.

        Args:
            video_id: The video, or its id. A completed Video saves a request: its `size_bytes` is known.
            path: The path of the file, or a URL; a folder must exist. Only a regular file is replaced.
            overwrite: Whether an existing file may be replaced.
            verify: `size` compares the sizes that the API and the answer name with the bytes that arrived, and refuses
                empty files, web pages and JSON; if no size is known, the container is checked. `container` also checks
                that the file is a whole MP4. `none` takes any file, of at most 8 GiB if its size is unknown.
            on_progress: Called with the bytes written so far and the size of the file (None if unknown). May be async.
                Its exceptions end the call.

        Raises:
            InvalidArgumentError: The path cannot be written to, the file exists, or another call is saving to the path.
                Nothing was sent.
            ValidationError: The video is not completed.
            FileContentError: The file is not what the API described. Its `part` is the path of the bytes.
            NetworkError: The connection broke more often than the retry options allow, or the deadline has passed;
                save it again to continue.
            BlumaError: The disk refused to write. The bytes in the `.part` file are kept for the next call if the host
                has named the version of the file (an ETag); otherwise they are deleted.
        """
        return await parts.save_to(
            self._session, video_id, path, overwrite=overwrite, verify=verify, on_progress=on_progress
        )

# Generated from bluma_async/resources/video_job.py by `nox -s facade`: change that, not this.
"""
The handle of a video that was started: it can be stored, sent to another process, and picked up there.

Rule 1: a handle has no secret. Its `account` is a fingerprint of the base URL and the key, and is compared before
anything is sent: another account could have a video with the same id.
Rule 2: a handle that is pickled or stored keeps no client. `client.videos.job` gives it one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Collection, Iterator

from bluma_sync._portal import iterate, run

if TYPE_CHECKING:
    import os

    from typing_extensions import Literal

    from bluma_async.resources import video_job as asynchronous
    from bluma_async.types import Video
    from bluma_async.waiting.announcer import StatusInfo

__all__ = ["VideoJob"]


class VideoJob:
    """
    A video that was started, as `client.videos.start` returns it.

    `to_json` and pickle store it, without a client and without a secret. `client.videos.job` picks it up again, in any
    process with the same key and base URL.
    """

    def __init__(self, twin: asynchronous.VideoJob) -> None:
        self._async = twin

    @property
    def id(self) -> str:
        """The id of the video."""
        return self._async.id

    @property
    def key(self) -> str:
        """The `Idempotency-Key` of the call that started it, and not its `key`; a reused video has sent none."""
        return self._async.key

    @property
    def template_id(self) -> str:
        """The template of the video, also of one that was created from a variant; empty if the API did not name it."""
        return self._async.template_id

    @property
    def account(self) -> str:
        """A fingerprint of the base URL and the API key, as 16 hex digits. The key cannot be found out from it."""
        return self._async.account

    @property
    def video(self) -> Video | None:
        """The newest state that this object has seen; None if it was picked up, and has seen none yet."""
        return self._async.video

    def to_json(self) -> str:
        """Return the handle as JSON text, for `client.videos.job`: with the charge, without a secret or a state."""
        return self._async.to_json()

    def refresh(self) -> Video:
        """
        Return the present state of the video.

        Raises:
            NotFoundError: There is no video with this id; perhaps it was deleted.
            BlumaError: The handle has no client, because it was unpickled; or the request failed.
        """
        return run(self._async.refresh())

    def wait(
        self,
        poll_interval: float = 5.0,
        timeout: float = 600.0,
        on_progress: Callable[[int], Any] | None = None,
        *,
        on_status: Callable[[StatusInfo], Any] | None = None,
        final_statuses: Collection[str] = (),
    ) -> Video:
        """
        Return the video when it is completed or failed: see its `status`. It waits as `videos.wait_for` does.

        Args:
            poll_interval: Seconds between two polls; at least 0.001.
            timeout: Seconds to wait; at least 0.
            on_progress: Called with each new percentage that the server reports, 0 to 100. May be async.
            on_status: Called with a StatusInfo for each new status, and once if no answer comes for 10 s. May be async.
            final_statuses: Statuses that end the wait, besides `completed` and `failed`.

        Raises:
            InvalidArgumentError: An argument is invalid. Nothing was sent.
            WaitTimeoutError: The video was not finished in time. The render continues.
            BlumaError: The handle has no client, because it was unpickled; or the video cannot be read.
        """
        return run(
            self._async.wait(poll_interval, timeout, on_progress, on_status=on_status, final_statuses=final_statuses)
        )

    def events(
        self, *, poll_interval: float = 5.0, timeout: float = 600.0, final_statuses: Collection[str] = ()
    ) -> Iterator[Video]:
        """
        Yield the states of the video, for example to send them on as server-sent events.

        The first state comes at once; then each one with a new status or a higher percentage; the last one is completed
        or failed. Polls are shared with the waits of the client. While the consumer works on a state, the video is not
        polled; the next state is the newest one.

        Args:
            poll_interval: Seconds between two polls; at least 0.001.
            timeout: Seconds until the last state, with the time that the consumer takes; at least 0.
            final_statuses: Statuses that end this, besides `completed` and `failed`.

        Raises:
            InvalidArgumentError: An argument is invalid. Nothing was sent.
            WaitTimeoutError: The video was not finished in time. The render continues.
            BlumaError: The handle has no client, because it was unpickled; or the video cannot be read.
        """
        return iterate(self._async.events(poll_interval=poll_interval, timeout=timeout, final_statuses=final_statuses))

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        verify: Literal["size", "container", "none"] = "size",
        on_progress: Callable[[int, int | None], Any] | None = None,
    ) -> int:
        """
        Write the completed video to a file, and return its size in bytes. It saves as `videos.save` does.

        Args:
            path: The path of the file, or a URL as in `videos.save`. Only a regular file is replaced.
            overwrite: Whether an existing file may be replaced.
            verify: What of the file is compared with its description, as in `videos.save`.
            on_progress: Called with the bytes written so far and the size of the file (None if unknown). May be async.

        Raises:
            InvalidArgumentError: The path cannot be written to, or the file exists. Nothing was sent.
            ValidationError: The video is not completed.
            BlumaError: The handle has no client, because it was unpickled; or the file could not be saved: the errors
                are those of `videos.save`.
        """
        return run(self._async.save(path, overwrite=overwrite, verify=verify, on_progress=on_progress))

    def to_html(self, *, links: bool = False) -> str:
        """
        Return a table of the newest state that this object has seen, as notebooks show it. Nothing is sent.

        Args:
            links: Whether signed links are shown too. Their query gives access to the file, also in a saved notebook.
        """
        return self._async.to_html(links=links)

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        return repr(self._async).replace("VideoJob", type(self).__name__, 1)

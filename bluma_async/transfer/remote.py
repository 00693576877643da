"""A file at the server, as the resources describe it to a download."""

from __future__ import annotations

from typing import Awaitable, Callable, Optional

import attrs

__all__ = ["RemoteFile"]


@attrs.frozen
class RemoteFile:
    """
    A file at the server.

    Attributes:
        id: The id of the video or generation.
        name: What the file is, for errors: `Video batch_1`.
        key: Names the file among all that may be saved to one path.
        sign: Returns a new signed link. It is called again when a link has expired.
        find_size: Returns the size that the API describes; None if it does not.
        command: What continues the save, for errors.
    """

    id: str
    name: str
    key: str
    sign: Callable[[], Awaitable[str]]
    find_size: Callable[[], Awaitable[Optional[int]]]
    command: str

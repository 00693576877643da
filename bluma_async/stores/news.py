"""Define the port through which processes tell each other the states of videos, and its values."""

from __future__ import annotations

from typing import AsyncGenerator, Collection, Mapping, Protocol

import attrs

__all__ = ["News", "PollTurn"]


@attrs.frozen
class PollTurn:
    """
    The decision whether this process polls now, or uses the result of another one.

    Attributes:
        is_mine: Whether this process polls; the others wait for a few seconds.
        body: What was read last; None if nothing was.
        age: Seconds since it was read.
    """

    is_mine: bool
    body: str | None = None
    age: float = 0.0


class News(Protocol):
    """The states of videos that any process has read, or has received by a webhook."""

    async def publish(self, video_id: str, body: str, *, is_final: bool, tells: bool = True) -> None:
        """Record the state of a video, and tell the other processes. A final state is never replaced."""
        ...

    async def read(self, video_ids: Collection[str]) -> Mapping[str, str]:
        """Return the recorded states of these videos."""
        ...

    async def begin_poll(self, video_id: str, fresh_for: float) -> PollTurn:
        """Return the state of a video if it is final or was read within these seconds; else the turn to poll it."""
        ...

    async def begin_list(self, name: str, fresh_for: float) -> PollTurn:
        """Return a list if it was read within these seconds; else the turn to read it."""
        ...

    async def write_list(self, name: str, body: str, took: float) -> None:
        """Record a list whose reading began these seconds ago: later videos can be missing in it."""
        ...

    async def give_up(self, *, video_id: str | None = None, name: str | None = None) -> None:
        """Give back the turn of a poll, or of a list, that has failed."""
        ...

    def listen(self) -> AsyncGenerator[str, None]:
        """
        Yield each message of the other processes as it is sent; an empty one when listening begins.

        Raises:
            BlumaError: The connection is lost, or cannot be opened.
        """
        ...

    async def ring(self, message: str) -> None:
        """Send a message to the processes that listen."""
        ...

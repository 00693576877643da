"""Define the port of the creates that processes make without a journal, and its values."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol, Sequence

import attrs

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._wire.certainty import Explained

__all__ = ["AccountRecord", "CreateTurn", "LostCreate", "SharedCreates", "TurnKind", "WantedCreate"]


@attrs.frozen
class WantedCreate:
    """
    A create that is about to be sent.

    Attributes:
        request_key: Its `Idempotency-Key`.
        template_id: Its template; None if that is unknown, and then every other create excludes it.
        name: The caller's key of this create; None without one.
        content: A hash of what is created; compared with that of an earlier create of the same name.
        started_at: The time from which its video can be listed, by the server's or this machine's clock.
        settles_after: Seconds after the announcement of an attempt from which a search proves its absence.
        number: The number of the same create's earlier intent; None without one.
    """

    request_key: str
    template_id: str | None
    name: str | None
    content: str
    started_at: datetime | None
    settles_after: float
    number: int | None = None


@attrs.frozen
class LostCreate:
    """
    A create without a known outcome, whose process does not work on it any more. This process settles it now.

    Attributes:
        number: The number of its intent.
        request_key: Its `Idempotency-Key`.
        template_id: Its template, if known.
        started_at: When it began.
        is_accepted: Whether it certainly was accepted.
        place: The job of a journal that it was made for; None for a create without a journal.
        name: The caller's key.
    """

    number: int
    request_key: str
    template_id: str | None
    started_at: datetime | None
    is_accepted: bool
    place: int | None
    name: str | None


class TurnKind(Enum):
    """The permission that a create gets from the store."""

    BEGUN = "begun"  # send: its intent is recorded
    BUSY = "busy"  # wait: another process creates from the template, or for the same key
    LOST = "lost"  # settle an earlier create first, which this process has claimed
    MADE = "made"  # nothing: the key has its video
    OTHER_CONTENT = "other content"  # nothing: the key belongs to another content


@attrs.frozen
class CreateTurn:
    """
    The answer of a store to a create that wants to begin.

    Attributes:
        kind: What it may do.
        number: The number of its intent, if that was recorded.
        lost: The create to settle.
        video_id: The video of its key.
        age: Seconds since that video was created.
    """

    kind: TurnKind
    number: int = 0
    lost: LostCreate | None = None
    video_id: str = ""
    age: float = 0.0


@attrs.frozen
class AccountRecord:
    """
    The record of an account in a store.

    Attributes:
        is_known: Whether the key has been used with the store before.
        newest_video: The newest video that any process has made; None before the first.
    """

    is_known: bool
    newest_video: str | None


class SharedCreates(Protocol):
    """The creates of all processes: one of a template at a time, and their outcomes."""

    async def read_account(self, fingerprint: str) -> AccountRecord:
        """Return what is known about the account of the store, and about a key, by its fingerprint."""
        ...

    async def write_account(self, fingerprint: str) -> None:
        """Record that a key belongs to the account of the store."""
        ...

    async def begin(self, wanted: WantedCreate) -> CreateTurn:
        """Record the intent of a create if it has its turn, and return what it may do."""
        ...

    async def look_up(self, wanted: WantedCreate) -> CreateTurn:
        """Return the video of a key (made), or that it belongs to another content; busy for everything else."""
        ...

    async def touch(self, number: int) -> bool:
        """Note that a create is about to be sent; False if its intent is settled, or belongs to another process."""
        ...

    async def bill(self, number: int, video_id: str, charged: int) -> bool:
        """
        Record the video that a create became, unless another process has recorded it.

        False if the video is another create's: this one stays open, and is searched for.
        """
        ...

    async def name_video(self, wanted: WantedCreate, video_id: str) -> str | None:
        """
        Record a video that was bought before as that of a key, and return the key's video.

        It may be another one. None if it is not known: the key has a create that is open, or in doubt.
        """
        ...

    async def release(self, number: int, request_key: str | None = None) -> None:
        """Record that a create was certainly not accepted; of this attempt alone, if its `Idempotency-Key` is given."""
        ...

    async def doubt(
        self, number: int, candidates: Sequence[str], *, is_accepted: bool, request_key: str | None = None
    ) -> None:
        """Record that a create may have become one of these videos, or was accepted and has an unknown video."""
        ...

    async def note_accepted(self, number: int, request_key: str) -> None:
        """Note that an open attempt certainly was accepted, although its video is not known: it stays open."""
        ...

    async def abandon(self, number: int, pause: float = 0.0) -> None:
        """Leave an open create to every process, which may settle it when it is old enough, and after a pause."""
        ...

    async def find_video(self, number: int | None, request_key: str) -> str | None:
        """Return the recorded video of a create, by the number of its intent, or else by its `Idempotency-Key`."""
        ...

    async def is_anothers(self, video_id: str, number: int | None) -> bool:
        """Return whether the video that answers a create of this process is another create's (see `VideoOwner`)."""
        ...

    async def is_released(self, number: int, request_key: str) -> bool:
        """Return whether an attempt was certainly not accepted: its intent is released, or has another attempt now."""
        ...

    async def list_settled(self, numbers: Sequence[int]) -> Sequence[int]:
        """Return those of these intents that have a video, or certainly were not accepted, as any process found."""
        ...

    async def claim_lost(self) -> LostCreate | None:
        """Claim an open create that no living process works on, as soon as a search can settle it."""
        ...

    async def read_preset(self, template_id: str) -> str | None:
        """Return the variant that only the jobs of the journal are created from."""
        ...

    async def explain(self, video_ids: Sequence[str], request_key: str, number: int | None) -> Explained:
        """
        Return what all processes know about these videos, and whether an open create is still this process's.

        Args:
            video_ids: The videos.
            request_key: The `Idempotency-Key` of the create.
            number: The number of its intent, if this process knows it: callers may use a header twice.
        """
        ...

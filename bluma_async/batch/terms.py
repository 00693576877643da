"""How a batch is to be run, and with what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import attrs

from bluma_async._wire.checks import invalid, require_choice, require_number, require_whole
from bluma_async.resources.templates import Templates
from bluma_async.resources.videos import Videos

if TYPE_CHECKING:
    import os

    from typing_extensions import Literal

    from bluma_async._session.session import Session
    from bluma_async.errors import BlumaError
    from bluma_async.waiting.hub import PollHub

__all__ = ["Api", "Stop", "Terms"]


@attrs.frozen(kw_only=True)
class Terms:
    """What the user chose."""

    journal: Path
    out: Path | None
    concurrency: int
    max_credits: float | None
    on_error: Literal["collect", "raise"]
    poll_interval: float
    timeout: float
    on_change: Callable[..., Any] | None

    @classmethod
    def checked(
        cls, journal: str | os.PathLike[str] | None, out: str | os.PathLike[str] | None, **others: Any
    ) -> Terms:
        """
        Return the terms.

        Raises:
            InvalidArgumentError: They cannot be right.
        """
        if journal is None and out is None:
            raise invalid("journal", "A batch needs a journal, or a folder `out` to keep one in.")
        folder = None if out is None else Path(out)
        file = Path(journal) if journal is not None else Path(folder or "", "journal.sqlite")
        terms = cls(journal=file, out=folder, **others)
        require_whole("concurrency", terms.concurrency, at_least=1)
        require_number("max_credits", terms.max_credits, optional=True)
        require_choice("on_error", terms.on_error, ("collect", "raise"))
        return terms

    @staticmethod
    def file_of(out: Path, key: str) -> Path:
        """Return where a job's video goes."""
        return out / f"{key}.mp4"

    def is_taken(self, key: str) -> bool:
        """Whether there is a file already where a job's video would go."""
        return self.out is not None and self.file_of(self.out, key).exists()


class Api:
    """The calls that a batch makes. Lost answers are settled by what is the one candidate: see `CreateTurns`."""

    def __init__(self, session: Session, hub: PollHub) -> None:
        self.session: Session = session.with_options({"on_ambiguous": "adopt"})
        self.videos: Videos = Videos(self.session, hub)
        self.templates: Templates = Templates(self.session)

    @property
    def clock(self) -> Any:
        """The client's time."""
        return self.session.shared.clock


class Stop:
    """Why nothing more is submitted; the first reason counts."""

    def __init__(self) -> None:
        self.reason: BlumaError | None = None

    def __bool__(self) -> bool:
        return self.reason is not None

    def because(self, reason: BlumaError) -> None:
        """Submit nothing more."""
        self.reason = self.reason or reason

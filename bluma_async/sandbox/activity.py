"""The requests that are being answered. A test that skips time lets them end first."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Generator

__all__ = ["Activity"]


class Activity:
    """
    Counts requests, also those for files and of the control surface.

    Attributes:
        begun: The requests that have come.
        running: The requests that are being answered; those that a fault delays are left out.
    """

    def __init__(self) -> None:
        self.begun: int = 0
        self.running: int = 0

    @contextmanager
    def request(self) -> Generator[None, None, None]:
        """Count a request while it is being answered."""
        self.begun += 1
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    @contextmanager
    def pause(self) -> Generator[None, None, None]:
        """Leave out a request while a fault delays it."""
        self.running -= 1
        try:
            yield
        finally:
            self.running += 1

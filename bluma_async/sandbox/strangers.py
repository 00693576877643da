"""Strangers: other people who create videos on the same account while a client works."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING, Callable

from bluma_async.sandbox.api_errors import ApiError
from bluma_async.sandbox.catalog import LISTED, find_template

if TYPE_CHECKING:
    from bluma_async.sandbox.clock import Clock, Timer
    from bluma_async.sandbox.cruelty import CurrentCruelty
    from bluma_async.sandbox.tables import Row
    from bluma_async.sandbox.videos import Videos

__all__ = ["Strangers"]

PROMPT = "A video that somebody else creates"


class Strangers:
    """
    Creates videos of other, imagined users of the account; `Cruelty.strangers` a minute.

    They leave half of the opening balance to the clients: with a fast clock, they would spend all of it in a minute.
    """

    def __init__(self, videos: Videos, clock: Clock, cruelty: CurrentCruelty, may_spend: Callable[[], bool]) -> None:
        self._videos = videos
        self._may_spend = may_spend
        self._clock = clock
        self._cruelty = cruelty
        self._timer: Timer | None = None
        self._seed: int | None = None
        self._dice: random.Random

    def create(self, template_id: str, kind: str = "live") -> Row:
        """
        Create one video as a stranger; it is committed at once, and billed to the account if `kind` is `live`.

        Raises:
            ValueError: There is no such template.
            ApiError: The balance is too low; nothing was created.
        """
        template = find_template(template_id)
        if template is None:
            raise ValueError(f"There is no template {template_id!r}.")
        body = {"context": {"prompt": PROMPT}}
        return self._videos.create(body, template, kind, fails=False, is_stranger=True)

    def restart(self) -> None:
        """Plan the next create by the settings that apply now."""
        self.stop()
        if self._cruelty.value.seed != self._seed:
            self._seed = self._cruelty.value.seed
            self._dice = random.Random(f"strangers {self._seed}")  # noqa: S311 - reproducible on purpose
        rate = self._cruelty.value.strangers / 60
        if rate:
            self._timer = self._clock.call_at(self._clock.time() + self._dice.expovariate(rate), self._create_next)

    def stop(self) -> None:
        """Create no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _create_next(self) -> None:
        if self._may_spend():
            self._create_any()
        self.restart()

    def _create_any(self) -> None:
        templates = self._cruelty.value.stranger_templates or self._videos.list_own_templates()
        template_id = self._dice.choice(templates or [entry["id"] for entry in LISTED])
        with contextlib.suppress(ApiError):  # the account has no credits left; a refund may come
            self.create(template_id)

"""The templates that a batch creates from: whether they are there, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict

from bluma_async.batch import records
from bluma_async.batch.jobs import wrong
from bluma_async.errors import ForbiddenError, NotFoundError

if TYPE_CHECKING:
    from bluma_async.batch.credit_limit import CreditLimit
    from bluma_async.batch.journal import Journal
    from bluma_async.batch.terms import Api
    from bluma_async.types import Template

__all__ = ["Catalog"]


class Catalog:
    """Reads each template once."""

    def __init__(self, api: Api, credit_limit: CreditLimit) -> None:
        self._api = api
        self._credit_limit = credit_limit
        self._known: Dict[str, Template | None] = {}

    async def need(self, template_id: str) -> Template | None:
        """
        Return a template; None if the key may not read templates, and prices do not matter.

        Raises:
            NotFoundError: There is no such template.
            ForbiddenError: The key may not read templates, and so prices cannot be known.
        """
        if template_id not in self._known:
            self._known[template_id] = await self._read(template_id)
        return self._known[template_id]

    async def check(self, journal: Journal) -> None:
        """
        See that everything can be made that is to be made.

        Raises:
            InvalidArgumentError: A template does not exist, or not at a resolution; `validation_errors` name the row.
        """
        for template_id, resolution, origin in await journal.do(records.wanted):
            try:
                template = await self.need(template_id)
            except NotFoundError as problem:
                raise wrong(origin, "template_id", f"there is no template {template_id!r}") from problem
            offered = template.supported_resolutions if template else []
            if resolution and offered and resolution not in offered:
                what = f"{template_id} has {', '.join(offered)}, and no {resolution!r}"
                raise wrong(origin, "resolution", what)

    async def _read(self, template_id: str) -> Template | None:
        try:
            template = await self._api.templates.get(template_id)
        except ForbiddenError:
            if self._credit_limit.is_limited:
                raise
            return None
        self._credit_limit.learn(template_id, template.credits_per_video or template.base_cost or 0)
        return template

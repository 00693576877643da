"""The templates of a batch: whether they exist, and their prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict

from bluma_async.batch.parsing import row_error
from bluma_async.errors import ForbiddenError, NotFoundError

if TYPE_CHECKING:
    from bluma_async.batch.api import BatchApi
    from bluma_async.batch.credit_limit import CreditLimit
    from bluma_async.stores.ports import JobStore
    from bluma_async.types import Template

__all__ = ["Catalog"]


class Catalog:
    """Reads each template once, and reports its price to the credit limit."""

    def __init__(self, api: BatchApi, credit_limit: CreditLimit) -> None:
        self._api = api
        self._credit_limit = credit_limit
        self._known: Dict[str, Template | None] = {}

    async def read(self, template_id: str) -> Template | None:
        """
        Return a template; None if the key may not read templates and there is no credit limit.

        Raises:
            NotFoundError: The template does not exist.
            ForbiddenError: The key may not read templates, but the credit limit needs their prices.
        """
        if template_id not in self._known:
            self._known[template_id] = await self._fetch(template_id)
        return self._known[template_id]

    async def check(self, store: JobStore) -> None:
        """
        Require that the templates of all planned jobs exist, at the resolutions that are asked for.

        Raises:
            InvalidArgumentError: One does not; `validation_errors` name the row.
        """
        for wanted in await store.list_wanted_templates():
            try:
                template = await self.read(wanted.template_id)
            except NotFoundError as problem:
                message = f"there is no template {wanted.template_id!r}"
                raise row_error(wanted.origin, "template_id", message) from problem
            offered = template.supported_resolutions if template else []
            if wanted.resolution and offered and wanted.resolution not in offered:
                message = f"{wanted.template_id} has {', '.join(offered)}, and no {wanted.resolution!r}"
                raise row_error(wanted.origin, "resolution", message)

    async def _fetch(self, template_id: str) -> Template | None:
        try:
            template = await self._api.templates.get(template_id)
        except ForbiddenError:
            if self._credit_limit.is_limited:
                raise
            return None
        self._credit_limit.learn(template_id, template.credits_per_video or template.base_cost or 0)
        return template

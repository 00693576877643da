"""The templates of a batch: whether they exist, and their prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Awaitable, Callable, Dict, Iterable, Set, get_args

from bluma_async._runtime.closeness import find_close
from bluma_async.batch.parsing import row_error
from bluma_async.errors import BlumaError, ForbiddenError, NotFoundError
from bluma_async.types import KnownTemplate

if TYPE_CHECKING:
    from bluma_async.batch.api import BatchApi
    from bluma_async.batch.credit_limit import CreditLimit
    from bluma_async.stores.jobs import WantedTemplate
    from bluma_async.stores.ports import JobStore
    from bluma_async.types import Template

__all__ = ["Catalog"]


class Catalog:
    """Reads each template once, and reports its price to the credit limit."""

    def __init__(
        self, api: BatchApi, credit_limit: CreditLimit, read_limit: Callable[[], Awaitable[float | None]] | None = None
    ) -> None:
        """
        Set up a catalog that has read nothing.

        Args:
            api: The API.
            credit_limit: The credit limit.
            read_limit: Reads the limit of the processes that share a store: any of them may set it at any time.
        """
        self._api = api
        self._credit_limit = credit_limit
        self._read_limit = read_limit
        self._known: Dict[str, Template | None] = {}
        self._missing: Set[str] = set()
        self._has_all_prices = False

    async def prepare(self, template_ids: Iterable[str], *, must_read: bool = False) -> None:
        """
        Read templates before rows are checked, and note those that do not exist.

        Other failures are left to `check`, so that the mistakes in the rows are reported even if the API cannot be
        reached.

        Raises:
            BlumaError: A template cannot be read, and `must_read` is set.
        """
        for template_id in template_ids:
            try:
                await self.read(template_id)
            except NotFoundError:  # noqa: PERF203 - each template by itself
                self._missing.add(template_id)
            except BlumaError:
                if must_read:
                    raise
                return

    def find(self, template_id: str | None) -> Template | None:
        """Return a template that was read; None if it was not, or could not be."""
        return self._known.get(template_id or "")

    def is_missing(self, template_id: str | None) -> bool:
        """Return whether the API has answered that there is no such template."""
        return template_id in self._missing

    def describe_missing(self, template_id: str) -> str:
        """Say that there is no such template, and which documented or read one has nearly this name."""
        read = [known for known, template in self._known.items() if template is not None]
        close = find_close(template_id, [*read, *get_args(KnownTemplate)])
        return f"there is no template {template_id!r}" + (f"; did you mean {close!r}?" if close else "")

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

    async def require_price(self, template_id: str | None) -> None:
        """
        Read the price of a template if there is a credit limit; for None, as of a variant, the prices of all templates.

        Raises:
            NotFoundError: The template does not exist.
            ForbiddenError: The key may not read templates.
            BlumaError: The prices cannot be read.
        """
        if self._has_all_prices if template_id is None else self.find(template_id) is not None:
            return
        if self._read_limit is not None:
            self._credit_limit.agree(await self._read_limit())
        if not self._credit_limit.is_limited:
            return
        try:
            await self._read_prices(template_id)
        except ForbiddenError as problem:
            message = f"The prices cannot be read, and there is a credit limit, so nothing is submitted: {problem}"
            raise ForbiddenError(message, status=problem.status, http_status=problem.http_status) from problem

    async def _read_prices(self, template_id: str | None) -> None:
        if template_id is not None:
            self._known.pop(template_id, None)  # the key was not allowed to read it, but there was no limit then
            await self.read(template_id)
        else:
            prices = {template.id: _get_price(template) for template in await self._api.templates.list()}
            for listed, price in prices.items():
                if price is None:  # a list may be shorter than the templates themselves
                    prices[listed] = _get_price(await self._api.templates.get(listed))
            self._credit_limit.learn_all(prices)
            self._has_all_prices = True

    async def check(self, store: JobStore) -> None:
        """
        Require that the templates of all planned jobs exist, at the resolutions that are asked for.

        Raises:
            InvalidArgumentError: One does not; `validation_errors` name the row.
        """
        await self.require(await store.list_wanted_templates())

    async def require(self, templates: Iterable[WantedTemplate]) -> None:
        """
        Require that templates exist, at the resolutions that are asked for.

        Raises:
            InvalidArgumentError: One does not; `validation_errors` name the row.
        """
        for wanted in templates:
            try:
                template = await self.read(wanted.template_id)
            except NotFoundError as problem:
                message = self.describe_missing(wanted.template_id)
                raise row_error(wanted.origin, "template_id", message) from problem
            offered = template.supported_resolutions if template else []
            is_strict = self._api.session.options.validate == "error"
            if is_strict and wanted.resolution and offered and wanted.resolution not in offered:
                message = f"{wanted.template_id} has {', '.join(offered)}, and no {wanted.resolution!r}"
                raise row_error(wanted.origin, "resolution", message)

    async def _fetch(self, template_id: str) -> Template | None:
        try:
            template = await self._api.templates.get(template_id)
        except ForbiddenError:
            if self._credit_limit.is_limited:
                raise
            return None
        self._credit_limit.learn(template_id, _get_price(template))
        return template


def _get_price(template: Template) -> int | None:
    """Return the price at 720p; None if the API does not name it. The model has it under both names."""
    return template.credits_per_video

"""
Remember the context schemas of templates, so that a create can be checked without a request of its own.

Rule 1: nothing is fetched. Reads of templates, by the caller or by a batch, bring the schemas.
Rule 2: a schema counts for an hour, and for the base URL and key that it was read with: the server may change it, and
may show each account its own.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Tuple

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async._session.options import Options
    from bluma_async._wire.contexts.schema import ContextSchema
    from bluma_async.types import Template

__all__ = ["TemplateSchemas"]

LIFETIME = 3600.0  # seconds
MOST = 1000  # schemas: a server may have a key for each of its users


class TemplateSchemas:
    """The schemas that a client and its copies have read. Each change is one operation of a dict: threads are safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[Tuple[str, str, str], Tuple[float, ContextSchema]] = OrderedDict()

    def learn(self, options: Options, template: Template, *, is_whole: bool = False) -> None:
        """
        Remember the schema of a template that was just read.

        A template that was read as a whole and has no readable schema has none now; one of a list may lack it.
        """
        from bluma_async._wire.contexts.schema import ContextSchema  # noqa: PLC0415 - the first read of a template loads it

        raw, name = template.context_schema, (options.base_url, options.api_key, template.id)
        if raw is None:
            if is_whole:
                self._known.pop(name, None)
            return
        _, known = self._known.get(name, (0.0, None))
        schema = known if known is not None and known.raw == raw else ContextSchema(raw)
        self._known[name] = (self._clock.now(), schema)
        while len(self._known) > MOST:
            self._known.popitem(last=False)

    def find(self, options: Options, template_id: str | None) -> ContextSchema | None:
        """Return the schema of a template; None if it was not read within the last hour."""
        if not self._known or template_id is None:
            return None
        read_at, schema = self._known.get((options.base_url, options.api_key, template_id), (0.0, None))
        return schema if schema is not None and self._clock.now() - read_at < LIFETIME else None

"""Templates, from which videos are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping

from bluma_async._wire.call import get, path
from bluma_async._wire.checks import require_id, require_mapping
from bluma_async._wire.codec import Many, One
from bluma_async._wire.json_values import encode_json
from bluma_async.resources._creates.checking import validate_context
from bluma_async.types import Template

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async.types import Context, KnownTemplate

__all__ = ["Templates"]


class Templates:
    """Read the templates of videos, with their prices, and check contexts against their schemas."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, template_id: KnownTemplate | str | Template) -> Template:
        """
        Return a template with its `context_schema`. For an hour, creates from it are checked by that schema.

        Raises:
            NotFoundError: There is no template with this id.
        """
        name = require_id("template_id", template_id, Template)
        template = await self._session.send(get(path("/templates", name), One(Template)))
        self._learn(template, is_whole=True)
        return template

    async def validate(self, template_id: KnownTemplate | str | Template, context: Context | Mapping[str, Any]) -> None:
        """
        Check a context against the schema of a template, as a create does whose template's schema is known.

        A rule that the documents contradict, such as a minimal length of the prompt, only warns (BlumaWarning). So does
        a schema that cannot be used: one that is invalid, huge, or refers to itself or to other documents.

        Args:
            template_id: The template or its id. It is read, unless that was done within the last hour.
            context: The context of a create.

        Raises:
            InvalidArgumentError: The context does not fit, or is not JSON; `validation_errors` has the path and the
                rule of each problem.
            NotFoundError: There is no template with this id.
        """
        require_mapping("context", context, "{'prompt': '...'}")
        encode_json(dict(context), "context")
        name, schemas = require_id("template_id", template_id, Template), self._session.shared.schemas
        if schemas.find(self._session.options, name) is None:
            await self.get(name)
        schema = schemas.find(self._session.options, name)
        if schema is not None:
            await validate_context(schema, context, name)

    def _learn(self, template: Template, *, is_whole: bool = False) -> None:
        shared, options = self._session.shared, self._session.options
        shared.schemas.learn(options, template, is_whole=is_whole)
        shared.prices.learn_template(options, template)

    async def list(self) -> List[Template]:
        """Return all templates."""
        templates = await self._session.send(get("/templates", Many(Template, "templates")))
        for template in templates:
            self._learn(template)
        return templates

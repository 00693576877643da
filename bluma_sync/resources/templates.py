# Generated from bluma_async/resources/templates.py by `nox -s facade`: change that, not this.
"""Templates, from which videos are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping

from bluma_sync._portal import run

if TYPE_CHECKING:
    from bluma_async.resources import templates as asynchronous
    from bluma_async.types import Context, KnownTemplate, Template

__all__ = ["Templates"]


class Templates:
    """Read the templates of videos, with their prices, and check contexts against their schemas."""

    def __init__(self, twin: asynchronous.Templates) -> None:
        self._async = twin

    def get(self, template_id: KnownTemplate | str | Template) -> Template:
        """
        Return a template with its `context_schema`. For an hour, creates from it are checked by that schema.

        Raises:
            NotFoundError: There is no template with this id.
        """
        return run(self._async.get(template_id))

    def validate(self, template_id: KnownTemplate | str | Template, context: Context | Mapping[str, Any]) -> None:
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
        run(self._async.validate(template_id, context))

    def list(self) -> List[Template]:
        """Return all templates."""
        return run(self._async.list())

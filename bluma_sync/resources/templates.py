# Generated from bluma_async/resources/templates.py by `nox -s facade`: change that, not this.
"""Templates, from which videos are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from bluma_sync._portal import run

if TYPE_CHECKING:
    from bluma_async.resources import templates as asynchronous
    from bluma_async.types import Template

__all__ = ["Templates"]


class Templates:
    """Read the templates of videos, with their prices."""

    def __init__(self, twin: asynchronous.Templates) -> None:
        self._async = twin

    def get(self, template_id: str | Template) -> Template:
        """
        Return a template with its `context_schema`.

        Raises:
            NotFoundError: There is no template with this id.
        """
        return run(self._async.get(template_id))

    def list(self) -> List[Template]:
        """Return all templates."""
        return run(self._async.list())

"""Templates, from which videos are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from bluma_async._wire.call import get, path
from bluma_async._wire.checks import require_id
from bluma_async._wire.codec import Many, One
from bluma_async.types import Template

if TYPE_CHECKING:
    from bluma_async._session.session import Session

__all__ = ["Templates"]


class Templates:
    """Read the templates of videos, with their prices."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, template_id: str | Template) -> Template:
        """
        Return a template with its `context_schema`.

        Raises:
            NotFoundError: There is no template with this id.
        """
        return await self._session.send(
            get(path("templates", require_id("template_id", template_id, Template)), One(Template))
        )

    async def list(self) -> List[Template]:
        """Return all templates."""
        return await self._session.send(get("/templates", Many(Template, "templates")))

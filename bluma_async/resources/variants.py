"""Variants: saved presets of a template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping

from bluma_async._wire.call import compact, delete, get, path, post, put
from bluma_async._wire.checks import invalid, require_text
from bluma_async._wire.codec import Many, One
from bluma_async.types import TemplateVariant

if TYPE_CHECKING:
    from bluma_async._session.session import Session

__all__ = ["Variants"]


class Variants:
    """Save a template's settings under a name, and make videos with `variant_id`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, template_id: str, name: str, settings: Mapping[str, Any] | None = None) -> TemplateVariant:
        """
        Save a preset.

        Args:
            template_id: The template it is of.
            name: What to call it.
            settings: Such as `systemPrompt`, `captionPrompt` and `compositionProps`; keys are sent as they are.
        """
        body = {"name": require_text("name", name), **_payload(settings)}
        return await self._session.send(post(path("templates", template_id, "variants"), One(TemplateVariant), body))

    async def get(self, template_id: str, variant_id: str) -> TemplateVariant:
        """
        Return a preset; its `payload` holds the settings.

        Raises:
            NotFoundError: The template has no such preset.
        """
        return await self._session.send(
            get(path("templates", template_id, "variants", variant_id), One(TemplateVariant))
        )

    async def update(
        self,
        template_id: str,
        variant_id: str,
        name: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> TemplateVariant:
        """
        Change a preset's name, its settings, or both.

        Raises:
            InvalidArgumentError: There is nothing to change.
            NotFoundError: The template has no such preset.
        """
        body = {**compact(name=name), **_payload(settings)}
        if not body:
            raise invalid("settings", "Either name or settings must be provided: there is nothing to update.")
        where = path("templates", template_id, "variants", variant_id)
        return await self._session.send(put(where, One(TemplateVariant), body))

    async def delete(self, template_id: str, variant_id: str) -> None:
        """
        Delete a preset. Videos made with it stay.

        Raises:
            NotFoundError: The template has no such preset.
        """
        await self._session.send(delete(path("templates", template_id, "variants", variant_id)))

    async def list(self, template_id: str) -> List[TemplateVariant]:
        """Return the presets of a template."""
        return await self._session.send(
            get(path("templates", template_id, "variants"), Many(TemplateVariant, "variants"))
        )


def _payload(settings: Mapping[str, Any] | None) -> dict[str, object]:
    return {} if settings is None else {"payload": {"settings": dict(settings)}}

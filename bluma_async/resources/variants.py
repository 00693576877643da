"""Variants: saved presets of a template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping

from bluma_async._wire.call import compact, delete, get, path, post, put
from bluma_async._wire.checks import invalid, require_text
from bluma_async._wire.codec import Many, One
from bluma_async.types import TemplateVariant

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async.types import KnownTemplate

__all__ = ["Variants"]


class Variants:
    """Save settings of a template under a name. A variant's id is the `variant_id` of a create."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(
        self, template_id: KnownTemplate | str, name: str, settings: Mapping[str, Any] | None = None
    ) -> TemplateVariant:
        """
        Save a preset.

        Args:
            template_id: The template.
            name: A name for the preset.
            settings: Settings such as `systemPrompt`, `captionPrompt` and `compositionProps`; keys are sent unchanged.

        Raises:
            InvalidArgumentError: The name is empty. Nothing was sent.
            NotFoundError: There is no template with this id.
        """
        body = {"name": require_text("name", name), **_payload(settings)}
        call = post(path("templates", template_id, "variants"), One(TemplateVariant), body)
        return self._learn(await self._session.send(call), template_id)

    async def get(self, template_id: KnownTemplate | str, variant_id: str) -> TemplateVariant:
        """
        Return a preset; its `payload` has the settings.

        Raises:
            NotFoundError: The template has no preset with this id.
        """
        call = get(path("templates", template_id, "variants", variant_id), One(TemplateVariant))
        return self._learn(await self._session.send(call), template_id)

    async def update(
        self,
        template_id: KnownTemplate | str,
        variant_id: str,
        name: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> TemplateVariant:
        """
        Change a preset's name, its settings, or both.

        Raises:
            InvalidArgumentError: Neither a name nor settings were passed. Nothing was sent.
            NotFoundError: The template has no preset with this id.
        """
        body = {**compact(name=name), **_payload(settings)}
        if not body:
            raise invalid("settings", "Either name or settings must be provided: there is nothing to update.")
        where = path("templates", template_id, "variants", variant_id)
        return await self._session.send(put(where, One(TemplateVariant), body))

    async def delete(self, template_id: KnownTemplate | str, variant_id: str) -> None:
        """
        Delete a preset. Videos that were made with it are kept.

        Raises:
            NotFoundError: The template has no preset with this id.
        """
        await self._session.send(delete(path("templates", template_id, "variants", variant_id)))

    def _learn(self, variant: TemplateVariant, template_id: str) -> TemplateVariant:
        self._session.shared.prices.learn_variant(self._session.options, variant, template_id)
        return variant

    async def list(self, template_id: KnownTemplate | str) -> List[TemplateVariant]:
        """
        Return the presets of a template.

        Raises:
            NotFoundError: There is no template with this id.
        """
        call = get(path("templates", template_id, "variants"), Many(TemplateVariant, "variants"))
        return [self._learn(variant, template_id) for variant in await self._session.send(call)]


def _payload(settings: Mapping[str, Any] | None) -> dict[str, object]:
    return {} if settings is None else {"payload": {"settings": dict(settings)}}

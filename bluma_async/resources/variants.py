"""Variants: saved presets of a template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping

from bluma_async._wire.call import compact, delete, get, path, post, put
from bluma_async._wire.checks import invalid, require_id, require_mapping, require_text
from bluma_async._wire.codec import Many, One
from bluma_async.types import Template, TemplateVariant

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async.types import KnownTemplate

__all__ = ["Variants"]


class Variants:
    """Save settings of a template under a name. A variant's id is the `variant_id` of a create."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(
        self, template_id: KnownTemplate | str | Template, name: str, settings: Mapping[str, Any] | None = None
    ) -> TemplateVariant:
        """
        Save a preset.

        Args:
            template_id: The template or its id.
            name: A name for the preset.
            settings: Settings such as `systemPrompt`, `captionPrompt` and `compositionProps`; keys are sent unchanged.

        Raises:
            InvalidArgumentError: The name is empty. Nothing was sent.
            NotFoundError: There is no template with this id.
        """
        body = {"name": require_text("name", name), **_payload(settings)}
        call = post(_variants(template_id), One(TemplateVariant), body)
        return self._learn(await self._session.send(call), template_id)

    async def get(
        self, template_id: KnownTemplate | str | Template, variant_id: str | TemplateVariant
    ) -> TemplateVariant:
        """
        Return a preset; its `payload` has the settings.

        Raises:
            NotFoundError: The template has no preset with this id.
        """
        call = get(_variant(template_id, variant_id), One(TemplateVariant))
        return self._learn(await self._session.send(call), template_id)

    async def update(
        self,
        template_id: KnownTemplate | str | Template,
        variant_id: str | TemplateVariant,
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
        where = _variant(template_id, variant_id)
        return await self._session.send(put(where, One(TemplateVariant), body))

    async def delete(self, template_id: KnownTemplate | str | Template, variant_id: str | TemplateVariant) -> None:
        """
        Delete a preset. Videos that were made with it are kept.

        Raises:
            NotFoundError: The template has no preset with this id.
        """
        await self._session.send(delete(_variant(template_id, variant_id)))

    def _learn(self, variant: TemplateVariant, template_id: KnownTemplate | str | Template) -> TemplateVariant:
        name = variant.template_id or require_id("template_id", template_id, Template)
        self._session.shared.prices.learn_variant(self._session.options, variant.id, name)
        return variant

    async def list(self, template_id: KnownTemplate | str | Template) -> List[TemplateVariant]:
        """
        Return the presets of a template.

        Raises:
            NotFoundError: There is no template with this id.
        """
        call = get(_variants(template_id), Many(TemplateVariant, "variants"))
        return [self._learn(variant, template_id) for variant in await self._session.send(call)]


def _variants(template_id: KnownTemplate | str | Template) -> str:
    return path("/templates", require_id("template_id", template_id, Template), "variants")


def _variant(template_id: KnownTemplate | str | Template, variant_id: str | TemplateVariant) -> str:
    return path(_variants(template_id), require_id("variant_id", variant_id, TemplateVariant))


def _payload(settings: Mapping[str, Any] | None) -> dict[str, object]:
    if settings is None:
        return {}
    require_mapping("settings", settings, "{'systemPrompt': '...'}")
    return {"payload": {"settings": dict(settings)}}

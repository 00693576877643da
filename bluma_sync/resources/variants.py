# Generated from bluma_async/resources/variants.py by `nox -s facade`: change that, not this.
"""Variants: saved presets of a template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping

from bluma_sync._portal import run

if TYPE_CHECKING:
    from bluma_async.resources import variants as asynchronous
    from bluma_async.types import KnownTemplate, Template, TemplateVariant

__all__ = ["Variants"]


class Variants:
    """Save settings of a template under a name. A variant's id is the `variant_id` of a create."""

    def __init__(self, twin: asynchronous.Variants) -> None:
        self._async = twin

    def create(
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
        return run(self._async.create(template_id, name, settings))

    def get(self, template_id: KnownTemplate | str | Template, variant_id: str | TemplateVariant) -> TemplateVariant:
        """
        Return a preset; its `payload` has the settings.

        Raises:
            NotFoundError: The template has no preset with this id.
        """
        return run(self._async.get(template_id, variant_id))

    def update(
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
        return run(self._async.update(template_id, variant_id, name, settings))

    def delete(self, template_id: KnownTemplate | str | Template, variant_id: str | TemplateVariant) -> None:
        """
        Delete a preset. Videos that were made with it are kept.

        Raises:
            NotFoundError: The template has no preset with this id.
        """
        run(self._async.delete(template_id, variant_id))

    def list(self, template_id: KnownTemplate | str | Template) -> List[TemplateVariant]:
        """
        Return the presets of a template.

        Raises:
            NotFoundError: There is no template with this id.
        """
        return run(self._async.list(template_id))

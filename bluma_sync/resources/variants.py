# Generated from bluma_async/resources/variants.py by `nox -s facade`: change that, not this.
"""Variants: saved presets of a template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping

from bluma_sync._portal import run

if TYPE_CHECKING:
    from bluma_async.resources import variants as asynchronous
    from bluma_async.types import TemplateVariant

__all__ = ["Variants"]


class Variants:
    """Save a template's settings under a name, and make videos with `variant_id`."""

    def __init__(self, twin: asynchronous.Variants) -> None:
        self._async = twin

    def create(self, template_id: str, name: str, settings: Mapping[str, Any] | None = None) -> TemplateVariant:
        """
        Save a preset.

        Args:
            template_id: The template it is of.
            name: What to call it.
            settings: Such as `systemPrompt`, `captionPrompt` and `compositionProps`; keys are sent as they are.
        """
        return run(self._async.create(template_id, name, settings))

    def get(self, template_id: str, variant_id: str) -> TemplateVariant:
        """
        Return a preset; its `payload` holds the settings.

        Raises:
            NotFoundError: The template has no such preset.
        """
        return run(self._async.get(template_id, variant_id))

    def update(
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
        return run(self._async.update(template_id, variant_id, name, settings))

    def delete(self, template_id: str, variant_id: str) -> None:
        """
        Delete a preset. Videos made with it stay.

        Raises:
            NotFoundError: The template has no such preset.
        """
        run(self._async.delete(template_id, variant_id))

    def list(self, template_id: str) -> List[TemplateVariant]:
        """Return the presets of a template."""
        return run(self._async.list(template_id))

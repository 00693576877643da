"""The call that creates a video and costs money: its body, and the checks before it is sent."""

from __future__ import annotations

from typing import Any, Mapping

from bluma_async._wire.call import Call, Safety, compact, post
from bluma_async._wire.checks import invalid, require_mapping, require_text
from bluma_async._wire.codec import One
from bluma_async.types import Video

__all__ = ["create_call"]


def create_call(
    context: Mapping[str, Any],
    template_id: str | None,
    variant_id: str | None,
    webhook_url: str | None,
    options: Mapping[str, Any] | None,
    idempotency_key: str | None,
) -> Call[Video]:
    """
    Return the call that creates a video.

    Raises:
        InvalidArgumentError: An argument is invalid.
    """
    _require_one_id(template_id, variant_id)
    require_mapping("context", context, "{'prompt': '...'}")
    if options is not None:
        _require_options(options)
    if webhook_url is not None:
        require_text("webhook_url", webhook_url)
    if idempotency_key is not None and not require_text("idempotency_key", idempotency_key).isprintable():
        raise invalid("idempotency_key", "idempotency_key must be printable text.")
    body = compact(
        template_id=template_id,
        variant_id=variant_id,
        context=dict(context),
        options=None if options is None else dict(options),
        webhook_url=webhook_url,
    )
    return post(
        "/videos",
        One(Video),
        body,
        safety=Safety.COSTS_MONEY,
        idempotency_key=idempotency_key,
        subject=template_id,
    )


def _require_one_id(template_id: str | None, variant_id: str | None) -> None:
    if template_id is None and variant_id is None:
        raise invalid("template_id", "Either template_id or variant_id must be provided.")
    if template_id is not None and variant_id is not None:
        raise invalid("variant_id", "template_id and variant_id cannot both be provided: a variant has its template.")
    require_text(
        "template_id" if variant_id is None else "variant_id", template_id if variant_id is None else variant_id
    )


def _require_options(options: Mapping[str, Any]) -> None:
    require_mapping("options", options, "{'resolution': '1080p'}")
    for name, kind, valid in (("resolution", str, "text such as '1080p'"), ("watermark", bool, "True or False")):
        if name in options and not isinstance(options[name], kind):
            raise invalid(f"options.{name}", f"options['{name}'] must be {valid}, not {options[name]!r}.")

"""
The call that creates a video and costs money: its body, its checks before it is sent, and the callback to its own URL.

A `webhook_url` with the mark `{create_token}` gets a random token, new for each create. Only the server learns it, so a
callback that carries it is evidence of which video the create has made.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Mapping, NamedTuple, Optional, Tuple, cast

from bluma_async._wire.call import Call, Safety, compact, post
from bluma_async._wire.checks import invalid, require_link, require_mapping, require_text
from bluma_async._wire.create_options import require_options
from bluma_async._wire.ids import find_id
from bluma_async._wire.json_values import parse_json
from bluma_async.resources._videos.calls import VIDEO
from bluma_async.types import Template, TemplateVariant

if TYPE_CHECKING:
    from bluma_async._session.evidence import CreateEvidence
    from bluma_async._wire.signature import Payload
    from bluma_async.types import Video

__all__ = ["CreateArguments", "check_arguments", "confirm_create", "create_call"]

MARK = "{create_token}"
TOKEN_SIZE = 24  # random bytes: guessing one is hopeless, and the URL stays short


class CreateArguments(NamedTuple):
    """The arguments of a create that decide what is rendered, checked."""

    context: Mapping[str, Any]
    template_id: Optional[str]
    variant_id: Optional[str]
    webhook_url: Optional[str]
    options: Optional[Mapping[str, Any]]

    @property
    def resolution(self) -> str | None:
        """The resolution that is asked for; None for the default one."""
        return None if self.options is None else self.options.get("resolution")


def check_arguments(
    context: Mapping[str, Any],
    template_id: str | Template | None,
    variant_id: str | TemplateVariant | None,
    webhook_url: str | None,
    options: Mapping[str, Any] | None,
) -> CreateArguments:
    """
    Return the arguments of a create, with the ids of models.

    Raises:
        InvalidArgumentError: An argument is invalid.
    """
    template, variant = _require_one_id(template_id, variant_id)
    require_mapping("context", context, "{'prompt': '...'}")
    if options is not None:
        options = require_options(options)
    if webhook_url is not None:
        require_link("webhook_url", webhook_url)
    return CreateArguments(context, template, variant, webhook_url, options)


def create_call(arguments: CreateArguments, idempotency_key: str | None) -> Call[Video]:
    """
    Return the call that creates a video.

    Raises:
        InvalidArgumentError: The key cannot be sent, or the context is no JSON.
    """
    context, template, variant, webhook_url, options = arguments
    if idempotency_key is not None and not require_text("idempotency_key", idempotency_key).isprintable():
        raise invalid("idempotency_key", "idempotency_key must be printable text.")
    token = secrets.token_urlsafe(TOKEN_SIZE) if webhook_url is not None and MARK in webhook_url else None
    body = compact(
        template_id=template,
        variant_id=variant,
        context=dict(context),
        options=None if options is None else dict(options),
        webhook_url=webhook_url if webhook_url is None or token is None else webhook_url.replace(MARK, token),
    )
    VIDEO.prepare()  # now: an import that fails after the request would lose a paid video
    return post(
        "/videos",
        VIDEO,
        body,
        safety=Safety.COSTS_MONEY,
        idempotency_key=idempotency_key,
        subject=template,
        token=token,
    )


def confirm_create(evidence: CreateEvidence, token: str, body: Payload) -> bool:
    """
    Give the video that a callback names to the open create with this token. Return False if there is none.

    The token is removed from the create, so that a second callback has no effect. The id is not trusted yet: the create
    reads the video and checks it. Nothing is parsed before the token is found, since anybody can send a request.
    """
    call = evidence.find_token(token) if token and isinstance(token, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]  # it comes from a request
    video_id = None if call is None else _read_video_id(body)
    if call is None or video_id is None:
        return False
    call.token, call.confirmed_id = None, video_id
    call.wake()
    return True


def _read_video_id(body: object) -> str | None:
    """Return the id of the video that an event is about, or None if the body names none."""
    try:
        raw: object = parse_json(bytes(cast("bytes", body)) if isinstance(body, memoryview) else cast("bytes", body))
        video_id = cast("Any", raw)["data"]["id"]
    except (ValueError, TypeError, LookupError):
        return None
    return video_id if isinstance(video_id, str) and video_id.strip() else None


def _require_one_id(template_id: object, variant_id: object) -> Tuple[str | None, str | None]:
    """Return both ids, of which exactly one is not None."""
    template, variant = (
        find_id("template_id", template_id, Template),
        find_id("variant_id", variant_id, TemplateVariant),
    )
    if template is None and variant is None:
        raise invalid("template_id", "Either template_id or variant_id must be provided.")
    if template is not None and variant is not None:
        raise invalid("variant_id", "Cannot provide both template_id and variant_id: a variant has its template.")
    return template, variant

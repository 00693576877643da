"""The probable price of a video, by what the API lists and has charged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._session.prices import Price
from bluma_async._wire.json_values import encode_json
from bluma_async.resources._creates.checking import check_create
from bluma_async.resources.templates import Templates
from bluma_async.resources.variants import Variants
from bluma_async.types import VideoEstimate

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async.resources._creates.call import CreateArguments

__all__ = ["consumes_credits", "estimate_video", "find_variant_template"]

TEST_KEY = "bluma_test_"


async def estimate_video(session: Session, arguments: CreateArguments) -> VideoEstimate:
    """
    Return the probable price of a video. Its template is read, so that the price is the present one.

    Raises:
        InvalidArgumentError: A create would be refused before it is sent.
        NotFoundError: There is no such template.
    """
    encode_json(dict(arguments.context), "context")
    variant_id, resolution = arguments.variant_id, arguments.resolution
    template_id = arguments.template_id if variant_id is None else await find_variant_template(session, variant_id)
    price = Price(None)
    if template_id is not None:
        await Templates(session).get(template_id)
        price = session.shared.prices.estimate(session.options, template_id, resolution, variant_id)
    await check_create(session, arguments)
    return VideoEstimate(
        template_id=template_id,
        variant_id=variant_id,
        resolution=resolution,
        credits=price.credits,
        is_charged=price.is_charged,
        consumes_credits=consumes_credits(session),
    )


async def find_variant_template(session: Session, variant_id: str) -> str | None:
    """Return the template of a variant; None if no listed template has such a variant. It is searched for once."""
    prices, options = session.shared.prices, session.options
    known = prices.find_template(options, variant_id)
    for template in await Templates(session).list() if known is None else ():
        await Variants(session).list(template.id)
        known = prices.find_template(options, variant_id)
        if known is not None:
            break
    return known


def consumes_credits(session: Session) -> bool:
    """Return whether creates change the balance: those of a test key do not."""
    return not session.options.api_key.startswith(TEST_KEY)

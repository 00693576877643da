"""
The errors after which a provider has created nothing.

Rule: an HTTP status of `NOT_ACCEPTED` is a refusal, also from a gateway: it has not passed the request on. Any other
error is a refusal only if the provider's documents attest its status and the form of its body. Gateways send 408, 409,
499 and 5xx after the provider has accepted a create too, in JSON of their own. No provider lists its generations, so
nothing could correct a mistake: a create that is taken for refused is sent again, and billed twice.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, Iterable, Mapping

import attrs

from bluma_async.luma.values import parse_object

__all__ = ["Refusal", "is_refused"]

NOT_ACCEPTED = frozenset((400, 401, 402, 403, 404, 422, 429))
Form = Callable[[int, Mapping[str, Any]], bool]


@attrs.frozen
class Refusal:
    """
    Errors of a provider with one form.

    Attributes:
        statuses: The HTTP statuses of these errors.
        has_form: Whether the body, a JSON object, has the form; it also gets the HTTP status.
    """

    statuses: FrozenSet[int]
    has_form: Form


def is_refused(refusals: Iterable[Refusal], status: int, document: object) -> bool:
    """Return whether nothing was created after an answer, whose body is not changed yet."""
    if status in NOT_ACCEPTED:
        return True
    fields: Dict[str, Any] = parse_object(document)
    return any(status in refusal.statuses and refusal.has_form(status, fields) for refusal in refusals)

"""
Sign and verify webhooks.

The signature is `sha256=` and the hex HMAC-SHA256 of the raw body, keyed with the whole secret (`whsec_` included).
Rule 1: the signature covers the bytes as they were received; nothing is parsed before it is verified.
Rule 2: an unset secret or a missing signature never verifies.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Sequence, Union, cast

from bluma_async.errors import WebhookVerificationError

__all__ = ["Payload", "Secret", "check_signature", "sign_webhook", "verify_webhook_signature"]

Payload = Union[bytes, bytearray, memoryview, str]
Secret = Union[str, bytes, Sequence[Union[str, bytes]]]
SCHEME = b"sha256="
INVALID = "Invalid webhook signature"


def sign_webhook(payload: Payload, secret: str | bytes) -> str:
    """
    Return the `X-Bluma-Signature` header for a body, for tests of webhook handlers.

    Raises:
        WebhookVerificationError: The payload or the secret is empty, or is neither text nor bytes.
    """
    digest = hmac.new(_bytes("secret", secret), _bytes("payload", payload), hashlib.sha256)
    return SCHEME.decode() + digest.hexdigest()


def verify_webhook_signature(payload: Payload | None, signature: str | bytes | None, secret: Secret | None) -> bool:
    """
    Return whether the signature of a webhook is valid. Never raises.

    Args:
        payload: The raw request body.
        signature: The `X-Bluma-Signature` header.
        secret: The webhook's secret, or several while it is being rotated.
    """
    try:
        check_signature(payload, signature, secret)
    except WebhookVerificationError:
        return False
    return True


def check_signature(payload: Payload | None, signature: str | bytes | None, secret: Secret | None) -> bytes:
    """
    Return the payload's bytes if they were signed with one of the secrets.

    The hex digits may be in either case. The `sha256=` prefix is required: without it, the scheme would be a guess.

    Raises:
        WebhookVerificationError: No secret matches, or an argument is missing or unusable.
    """
    body = _bytes("payload", payload, INVALID)
    signed = _bytes("signature", signature, INVALID).strip().lower()
    expected = [_bytes("signature", sign_webhook(body, key)) for key in _secrets(secret)]
    # All secrets are compared, so that the time taken reveals nothing.
    if sum(hmac.compare_digest(signed, valid) for valid in expected) == 0:
        raise WebhookVerificationError(
            f"{INVALID}: it does not match the body. It may be forged, or the body was changed in "
            "transit: verify the raw bytes of the request, with the secret of the webhook it was sent to."
        )
    return body


def _secrets(secret: Secret | None) -> list[bytes]:
    several = secret if isinstance(secret, (list, tuple)) else [secret]
    keys = [_bytes("secret", cast("object", key), INVALID) for key in several]
    if not keys:
        raise WebhookVerificationError(
            f"{INVALID}: there is no secret to verify it with. Set BLUMA_WEBHOOK_SECRET or pass secret=."
        )
    return keys


def _bytes(name: str, value: object, because: str = "Nothing was signed") -> bytes:
    try:
        raw = value.encode() if isinstance(value, str) else bytes(memoryview(cast("bytes", value)))
    except (TypeError, ValueError):
        raw = b""
    if name == "payload" and isinstance(value, (dict, list)):
        kind = type(cast("object", value)).__name__
        raise WebhookVerificationError(
            f"{because}: the payload is a parsed {kind}. Pass the raw body of the request, bytes or str: the signature "
            "covers its bytes, which cannot be made again from what was parsed."
        )
    if (not raw.strip() and name != "payload") or not raw:
        raise WebhookVerificationError(f"{because}: the webhook {name} is missing, empty, or neither text nor bytes.")
    return raw

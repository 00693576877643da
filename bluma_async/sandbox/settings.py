"""The settings of a sandbox, validated when it is made."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Optional, Union

import attrs

from bluma_async.sandbox.keys import PREFIXES, TIERS

__all__ = ["Settings"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _number_within(low: float, high: float, *, whole: bool = False) -> Any:
    kinds = (int,) if whole else (int, float)

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        is_number = isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or not low <= value <= high:
            raise ValueError(
                f"{attribute.name} must be a {'whole ' if whole else ''}number from {low:g} to {high:g}, not {value!r}."
            )

    return check


def _one_of(*words: str) -> Any:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value not in words:
            raise ValueError(f"{attribute.name} must be one of {', '.join(words)}, not {value!r}.")

    return check


def _api_key(kind: str) -> Any:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, str) or not value.startswith(PREFIXES[kind]) or len(value) <= len(PREFIXES[kind]):
            raise ValueError(
                f"{attribute.name} must begin with {PREFIXES[kind]} and have at least one character after it."
            )

    return check


def _to_path(value: Union[str, Path, None]) -> Optional[Path]:
    return None if value is None else Path(value)


@attrs.frozen(kw_only=True)
class Settings:
    """
    The settings of a sandbox.

    Attributes:
        host: The address to listen on.
        port: The port to listen on; 0 takes a free one.
        speed: Sandbox seconds for each real second; for the real clock only.
        clock: `real`, or `manual`: time stands still until `advance` moves it.
        data: A folder that keeps all state across restarts; None keeps it in memory and loses it at the end.
        render: Whether videos are drawn from their prompts; otherwise each is a small prepared clip of its length.
        test_key: The predefined test key.
        live_key: The predefined live key.
        credits: The opening balance.
        tier: The account's plan: free, starter, pro or enterprise.
        rate_limit: Requests an hour for each of the two keys; None for the tier's limit.
        webhook_secret: Signs events that go to the `webhook_url` of a create; registered webhooks have their own.
        strict: Whether prompts need ten characters. The reference demands them; the quickstart's own prompt is shorter.
        honour_idempotency: Whether a repeated `Idempotency-Key` returns the first answer; the real API ignores the key.
        allow_remote_control: Whether the control surface is served on addresses other than loopback.
    """

    host: str = "127.0.0.1"
    port: int = attrs.field(default=0, validator=_number_within(0, 65535, whole=True))
    speed: float = attrs.field(default=1.0, validator=_number_within(0.001, 100_000))
    clock: str = attrs.field(default="real", validator=_one_of("real", "manual"))
    data: Optional[Path] = attrs.field(default=None, converter=_to_path)
    render: bool = True
    test_key: str = attrs.field(default="bluma_test_sandbox", validator=_api_key("test"))
    live_key: str = attrs.field(default="bluma_live_sandbox", validator=_api_key("production"))
    credits: int = attrs.field(default=500, validator=_number_within(0, 10**9, whole=True))
    tier: str = attrs.field(default="pro", validator=_one_of(*TIERS))
    rate_limit: Optional[int] = attrs.field(
        default=None, validator=attrs.validators.optional(_number_within(0, 10**9, whole=True))
    )
    webhook_secret: str = attrs.field(default="whsec_sandbox", validator=attrs.validators.min_len(1))
    strict: bool = False
    honour_idempotency: bool = False
    allow_remote_control: bool = False

    @property
    def hourly_limit(self) -> int:
        """Requests an hour for each of the two keys."""
        return TIERS[self.tier] if self.rate_limit is None else self.rate_limit

    @property
    def is_controllable(self) -> bool:
        """Whether the control surface is served."""
        return self.allow_remote_control or self.host in LOOPBACK

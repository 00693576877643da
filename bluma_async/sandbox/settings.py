"""How a sandbox is set up."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Optional, Union

import attrs

from bluma_async.sandbox.keys import PREFIXES, TIERS

__all__ = ["Settings"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _within(low: float, high: float, *, whole: bool = False) -> Any:
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


def _key(kind: str) -> Any:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, str) or not value.startswith(PREFIXES[kind]) or len(value) <= len(PREFIXES[kind]):
            raise ValueError(f"{attribute.name} must begin with {PREFIXES[kind]}, and go on.")

    return check


def _folder(value: Union[str, Path, None]) -> Optional[Path]:
    return None if value is None else Path(value)


@attrs.frozen(kw_only=True)
class Settings:
    """
    How a sandbox is set up.

    Attributes:
        host: Where to listen.
        port: On which port; 0 takes a free one.
        speed: How many sandbox seconds pass in a real one.
        clock: `real`, or `manual`: time stands still until `advance`.
        data: A folder that keeps everything across restarts; None for memory.
        render: Whether videos are really drawn; otherwise each gets a small prepared clip of its length.
        test_key: The test key that works.
        live_key: The live key that works.
        credits: The opening balance.
        tier: The account's plan: free, starter, pro or enterprise.
        rate_limit: Requests an hour for both keys; None for what the tier allows.
        webhook_secret: What signs the events of a create's own `webhook_url`.
        strict: Whether prompts must have ten characters, as the reference says and the quickstart does not.
        honour_idempotency: Whether a repeated `Idempotency-Key` gives the first answer again; the real API does not.
        allow_remote_control: Whether the control surface answers on an address that is not loopback.
    """

    host: str = "127.0.0.1"
    port: int = attrs.field(default=0, validator=_within(0, 65535, whole=True))
    speed: float = attrs.field(default=1.0, validator=_within(0.001, 100_000))
    clock: str = attrs.field(default="real", validator=_one_of("real", "manual"))
    data: Optional[Path] = attrs.field(default=None, converter=_folder)
    render: bool = True
    test_key: str = attrs.field(default="bluma_test_sandbox", validator=_key("test"))
    live_key: str = attrs.field(default="bluma_live_sandbox", validator=_key("production"))
    credits: int = attrs.field(default=500, validator=_within(0, 10**9, whole=True))
    tier: str = attrs.field(default="pro", validator=_one_of(*TIERS))
    rate_limit: Optional[int] = attrs.field(
        default=None, validator=attrs.validators.optional(_within(0, 10**9, whole=True))
    )
    webhook_secret: str = attrs.field(default="whsec_sandbox", validator=attrs.validators.min_len(1))
    strict: bool = False
    honour_idempotency: bool = False
    allow_remote_control: bool = False

    @property
    def hourly_limit(self) -> int:
        """Requests an hour for both keys."""
        return TIERS[self.tier] if self.rate_limit is None else self.rate_limit

    @property
    def is_controllable(self) -> bool:
        """Whether the control surface answers."""
        return self.allow_remote_control or self.host in LOOPBACK

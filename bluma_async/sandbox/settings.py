"""The settings of a sandbox, validated when it is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional, Tuple, Union

import attrs

from bluma_async.sandbox.addresses import is_loopback
from bluma_async.sandbox.cruelty import Cruelty
from bluma_async.sandbox.keys import PREFIXES, TIERS
from bluma_async.sandbox.profiles import PROFILES, draw_cruelty
from bluma_async.sandbox.validators import is_list_of_hosts, is_number_within, is_one_of, to_hosts

__all__ = ["Settings"]


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
        data: A folder that keeps the account across restarts: videos, files, credits, keys and their rate-limit
            windows, webhooks, variants, collections, assets, and the `Idempotency-Key` of each create. Faults, Cruelty
            and the log of requests, with the usage that is counted from it, begin anew. A sandbox that is killed loses
            the rate-limit windows since its last stop, and may lose the changes of its last moment. None keeps all in
            memory, and loses it at the end.
        render: Whether videos are drawn from their prompts; otherwise each is a small prepared clip of its length.
        test_key: The predefined test key.
        live_key: The predefined live key.
        credits: The opening balance.
        tier: The account's plan: free, starter, pro or enterprise.
        rate_limit: Requests an hour for each of the two keys; None for the tier's limit.
        webhook_secret: Signs events that go to the `webhook_url` of a create; registered webhooks have their own.
        strict: Whether prompts need ten characters. The reference demands them; the quickstart's own prompt is shorter.
        honour_idempotency: Whether a repeated `Idempotency-Key` returns the first answer; the real API ignores the key.
        inclusive_dates: Whether `from_date` and `to_date` of `GET /videos` include the seconds that they name. The
            documents say "created after" and "created before", so by default they do not.
        extra_fields: Whether `GET /videos/{id}` also has `credits_charged` and `variant_id`, and `GET /videos`
            `variant_id` and `duration`. The 1.2.0 client reads these fields, and the documents do not name them there.
        cruelty: The settings of Cruelty; None for none.
        profile: `cruel` draws the settings of Cruelty from `seed`; None does not.
        seed: The seed of the profile; without a profile, of the random choices of Cruelty.
        allow_remote_control: Whether the control surface is served on addresses other than loopback.
        webhook_hosts: The only hosts that events and callbacks are sent to, each with a port or without; None for all
            that `destinations.py` permits. A sandbox that serves other machines sends to private addresses only if
            they are listed.
        allowed_hosts: Names that the Host header may have besides the names of loopback and `host`: those of a
            container, a tunnel or a proxy. Other names are refused, because a web page could have rebound its own.
    """

    host: str = "127.0.0.1"
    port: int = attrs.field(default=0, validator=is_number_within(0, 65535, whole=True))
    speed: float = attrs.field(default=1.0, validator=is_number_within(0.001, 100_000))
    clock: str = attrs.field(default="real", validator=is_one_of("real", "manual"))
    data: Optional[Path] = attrs.field(default=None, converter=_to_path)
    render: bool = True
    test_key: str = attrs.field(default="bluma_test_sandbox", validator=_api_key("test"))
    live_key: str = attrs.field(default="bluma_live_sandbox", validator=_api_key("production"))
    credits: int = attrs.field(default=500, validator=is_number_within(0, 10**9, whole=True))
    tier: str = attrs.field(default="pro", validator=is_one_of(*TIERS))
    rate_limit: Optional[int] = attrs.field(
        default=None, validator=attrs.validators.optional(is_number_within(0, 10**9, whole=True))
    )
    webhook_secret: str = attrs.field(default="whsec_sandbox", validator=attrs.validators.min_len(1))
    strict: bool = False
    honour_idempotency: bool = False
    inclusive_dates: bool = False
    extra_fields: bool = False
    cruelty: Optional[Cruelty] = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.instance_of(Cruelty))
    )
    profile: Optional[str] = attrs.field(default=None, validator=attrs.validators.optional(is_one_of(*PROFILES)))
    seed: Optional[int] = attrs.field(
        default=None, validator=attrs.validators.optional(is_number_within(-(2**63), 2**63, whole=True))
    )
    allow_remote_control: bool = False
    webhook_hosts: Optional[Tuple[str, ...]] = attrs.field(
        default=None, converter=to_hosts, validator=attrs.validators.optional(is_list_of_hosts)
    )
    allowed_hosts: Tuple[str, ...] = attrs.field(default=(), converter=to_hosts, validator=is_list_of_hosts)

    def __attrs_post_init__(self) -> None:
        if self.cruelty is not None and (self.profile is not None or self.seed is not None):
            raise ValueError("profile and seed cannot be given together with cruelty; use draw_cruelty(seed, **fixed).")

    def make_cruelty(self) -> Cruelty:
        """Return the settings of Cruelty that the sandbox starts with."""
        if self.profile is not None:
            return draw_cruelty(self.seed or 0)
        return self.cruelty or Cruelty(seed=self.seed or 0)

    @property
    def hourly_limit(self) -> int:
        """Requests an hour for each of the two keys."""
        return TIERS[self.tier] if self.rate_limit is None else self.rate_limit

    @property
    def is_controllable(self) -> bool:
        """Whether the control surface is served."""
        return self.allow_remote_control or is_loopback(self.host)

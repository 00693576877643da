"""
How a client is set up: arguments first, the environment second, defaults last.

Rule 1: what cannot work is refused here, before there is a client.
Rule 2: options do not change; `with_options` makes another set.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Mapping, Union, get_args

import attrs

from bluma_async._wire.checks import (
    require_callable,
    require_choice,
    require_header_text,
    require_headers,
    require_http_url,
    require_number,
    require_whole,
)
from bluma_async._wire.retry import OnAmbiguous, RetryPolicy
from bluma_async.errors import BlumaError, InvalidArgumentError

__all__ = ["DEFAULT_BASE_URL", "ENVIRONMENT", "Callback", "Options", "options_from"]

DEFAULT_BASE_URL = "https://api.getbluma.com/api/v1"
Callback = Callable[..., Any]


def _checked(check: Callable[..., None], **details: Any) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    """Return an attrs validator that runs an argument check."""
    return lambda _, attribute, value: check(attribute.name, value, **details)


@attrs.frozen(kw_only=True)
class Options:
    """Everything that one client, or one copy of it, does its own way."""

    api_key: str = attrs.field(repr=lambda _: "'***'", validator=_checked(require_header_text))
    base_url: str = attrs.field(default=DEFAULT_BASE_URL, validator=_checked(require_http_url))
    webhook_secret: Union[str, None] = attrs.field(default=None, repr=lambda _: "'***'")
    timeout: float = attrs.field(default=30.0, validator=_checked(require_number, above=0))
    deadline: Union[float, None] = attrs.field(default=None, validator=_checked(require_number, above=0, optional=True))
    max_retries: int = attrs.field(default=3, validator=_checked(require_whole))
    retry_delay: float = attrs.field(default=1.0, validator=_checked(require_number))
    retry_multiplier: float = attrs.field(default=2.0, validator=_checked(require_number))
    retry_jitter: float = attrs.field(default=0.0, validator=_checked(require_number))
    max_retry_after: Union[float, None] = attrs.field(default=None, validator=_checked(require_number, optional=True))
    on_ambiguous: OnAmbiguous = attrs.field(
        default="reconcile", validator=_checked(require_choice, choices=get_args(OnAmbiguous))
    )
    should_retry: Union[Callback, None] = attrs.field(default=None, validator=_checked(require_callable))
    calculate_retry_delay: Union[Callback, None] = attrs.field(default=None, validator=_checked(require_callable))
    default_headers: Mapping[str, str] = attrs.field(factory=dict, converter=dict, validator=_checked(require_headers))
    on_request: Union[Callback, None] = attrs.field(default=None, validator=_checked(require_callable))
    on_response: Union[Callback, None] = attrs.field(default=None, validator=_checked(require_callable))
    on_retry: Union[Callback, None] = attrs.field(default=None, validator=_checked(require_callable))

    @property
    def retry_policy(self) -> RetryPolicy:
        """The part of the options that decides on retries."""
        return RetryPolicy(**{field.name: getattr(self, field.name) for field in attrs.fields(RetryPolicy)})

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of all options."""
        return [field.name for field in attrs.fields(cls)]

    def changed(self, changes: Mapping[str, Any]) -> Options:
        """
        Return other options.

        Raises:
            InvalidArgumentError: There is no such option, or its value cannot be right.
        """
        known = self.names()
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise InvalidArgumentError(f"There is no option {', '.join(unknown)}; there are {', '.join(known)}.")
        return attrs.evolve(self, **changes)


def options_from(arguments: Mapping[str, Any], environment: Mapping[str, str], base_url: str) -> Options:
    """
    Fill what was not passed (None) from the environment, and the rest from the defaults.

    Args:
        arguments: What was passed.
        environment: Which variable stands for which option.
        base_url: Where the API is, if neither says.

    Raises:
        BlumaError: There is no API key.
        InvalidArgumentError: A value cannot be right.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    for name, variable in environment.items():
        value = os.environ.get(variable, "").strip()
        if value and name not in given:
            given[name] = value
    api_key = given.get("api_key", "")
    if not isinstance(api_key, str) or not api_key.strip():
        raise BlumaError(
            f"There is no API key. Pass api_key=, or set {environment['api_key']}; keys are made in the provider's "
            "dashboard.",
            status=401,
        )
    given["api_key"] = api_key.strip()
    given.setdefault("base_url", base_url)
    if isinstance(given.get("base_url"), str):
        given["base_url"] = given["base_url"].rstrip("/")
    return Options(**given)


ENVIRONMENT = {"api_key": "BLUMA_API_KEY", "base_url": "BLUMA_BASE_URL", "webhook_secret": "BLUMA_WEBHOOK_SECRET"}

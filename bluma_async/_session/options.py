"""
How a client is set up: arguments first, the environment second, defaults last.

Rule 1: what cannot work is refused here, before there is a client.
Rule 2: options do not change; `with_options` makes another set.
"""

from __future__ import annotations

import math
import os
import re
from typing import Any, Callable, Mapping, Union, get_args
from urllib.parse import urlsplit

import attrs

from bluma_async._wire.retry import OnAmbiguous, RetryPolicy
from bluma_async.errors import BlumaError, InvalidArgumentError

__all__ = ["DEFAULT_BASE_URL", "ENVIRONMENT", "Callback", "Options", "options_from"]

DEFAULT_BASE_URL = "https://api.getbluma.com/api/v1"
Callback = Callable[..., Any]
Check = Callable[[str, Any], None]


def _checked(check: Check) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    return lambda _, attribute, value: check(attribute.name, value)


def _number(low: float, *, optional: bool = False, above: bool = False) -> Any:
    def check(name: str, value: Any) -> None:
        if optional and value is None:
            return
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or value < low or (above and value == low):
            bound = f"greater than {low:g}" if above else f"of at least {low:g}"
            raise _refused(name, f"a number {bound}{' or None' if optional else ''}", value)

    return _checked(check)


def _whole(name: str, value: Any) -> None:
    if type(value) is not int or value < 0:
        raise _refused(name, "a whole number of at least 0", value)


def _callable(name: str, value: Any) -> None:
    if value is not None and not callable(value):
        raise _refused(name, "a function or None", value)


def _policy_word(name: str, value: Any) -> None:
    if value not in get_args(OnAmbiguous):
        raise _refused(name, f"one of {', '.join(get_args(OnAmbiguous))}", value)


def _url(name: str, value: Any) -> None:
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        is_url = is_url and not (parts.username or parts.query or parts.fragment)
    except ValueError:
        is_url = False
    if not is_url:
        raise _refused(
            name, "an http:// or https:// URL with a host, and without user, query or fragment", _without_login(value)
        )


def _without_login(value: object) -> object:
    return re.sub(r"//[^/@]*@", "//***@", value) if isinstance(value, str) else value


def _headers(name: str, value: Any) -> None:
    for key, text in value.items():
        if not isinstance(key, str) or not isinstance(text, str) or not key or set("\r\n\0") & set(key + text):
            raise _refused(name, "header names and values as text without line breaks", key)


def _header_text(name: str, value: Any) -> None:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        raise InvalidArgumentError(f"{name} must be printable ASCII text without spaces; check how it was copied.")


def _refused(name: str, wanted: str, value: object) -> InvalidArgumentError:
    message = f"{name} must be {wanted}, not {value!r}."
    return InvalidArgumentError(message, validation_errors=[{"field": name, "message": message}])


@attrs.frozen(kw_only=True)
class Options:
    """Everything that one client, or one copy of it, does its own way."""

    api_key: str = attrs.field(repr=lambda _: "'***'", validator=_checked(_header_text))
    base_url: str = attrs.field(default=DEFAULT_BASE_URL, validator=_checked(_url))
    webhook_secret: Union[str, None] = attrs.field(default=None, repr=lambda _: "'***'")
    timeout: float = attrs.field(default=30.0, validator=_number(0, above=True))
    deadline: Union[float, None] = attrs.field(default=None, validator=_number(0, above=True, optional=True))
    max_retries: int = attrs.field(default=3, validator=_checked(_whole))
    retry_delay: float = attrs.field(default=1.0, validator=_number(0))
    retry_multiplier: float = attrs.field(default=2.0, validator=_number(0))
    retry_jitter: float = attrs.field(default=0.0, validator=_number(0))
    max_retry_after: Union[float, None] = attrs.field(default=None, validator=_number(0, optional=True))
    on_ambiguous: OnAmbiguous = attrs.field(default="reconcile", validator=_checked(_policy_word))
    should_retry: Union[Callback, None] = attrs.field(default=None, validator=_checked(_callable))
    calculate_retry_delay: Union[Callback, None] = attrs.field(default=None, validator=_checked(_callable))
    default_headers: Mapping[str, str] = attrs.field(factory=dict, converter=dict, validator=_checked(_headers))
    on_request: Union[Callback, None] = attrs.field(default=None, validator=_checked(_callable))
    on_response: Union[Callback, None] = attrs.field(default=None, validator=_checked(_callable))
    on_retry: Union[Callback, None] = attrs.field(default=None, validator=_checked(_callable))

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

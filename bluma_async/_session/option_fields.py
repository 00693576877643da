"""Converters, validators and reprs of the fields of options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping

from bluma_async._runtime.proxies import is_proxy
from bluma_async._wire.checks import invalid, require_mapping

if TYPE_CHECKING:
    import attrs

__all__ = ["checked", "copy_headers", "require_database", "require_proxy", "show_names", "strip", "strip_slash"]


def checked(check: Callable[..., None], **details: Any) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    """Return an attrs validator that runs an argument check."""
    return lambda _, attribute, value: check(attribute.name, value, **details)


def strip(value: Any) -> Any:
    """Return text without the blanks around it."""
    return value.strip() if isinstance(value, str) else value


def strip_slash(value: Any) -> Any:
    """Return text without slashes at its end."""
    return value.rstrip("/") if isinstance(value, str) else value


def show_names(headers: Mapping[str, str]) -> str:
    """Return the repr of headers without their values, which can be secrets."""
    return repr(dict.fromkeys(headers, "***"))


def copy_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return a copy of headers; none for None."""
    if headers is not None:
        require_mapping("default_headers", headers, "{'X-Name': 'value'}")
    return dict(headers or {})


def require_proxy(_: Any, __: Any, value: Any) -> None:
    """Require the URL of a proxy, or None: an attrs validator."""
    if value is not None and not is_proxy(value):  # not shown: it can have a password
        raise invalid("proxy", "proxy must be an http:// or https:// URL with a host, or None.")


def require_database(_: Any, __: Any, value: Any) -> None:
    """Require the URL of a PostgreSQL database, or None: an attrs validator."""
    is_url = isinstance(value, str) and value.startswith(("postgresql://", "postgres://"))
    if value is not None and not is_url:  # not shown: it can have a password
        raise invalid("shared", "shared must be the URL of a PostgreSQL database, such as postgresql://user@host/name.")

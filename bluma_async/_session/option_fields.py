"""Converters, validators and reprs of the fields of options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence, cast

from bluma_async._runtime.proxies import is_proxy
from bluma_async._wire.checks import invalid, require_mapping, require_methods

if TYPE_CHECKING:
    import attrs

__all__ = [
    "checked",
    "copy_headers",
    "require_clock",
    "require_database",
    "require_http_session",
    "require_proxy",
    "require_ssl_context",
    "require_trace_configs",
    "require_transport",
    "show_names",
    "strip",
    "strip_slash",
    "unset_if_empty",
]


def checked(check: Callable[..., None], **details: Any) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    """Return an attrs validator that runs an argument check."""
    return lambda _, attribute, value: check(attribute.name, value, **details)


# Objects of the caller's classes are taken too: fakes of tests, and wrappers. `stream` and `close` of a transport are
# not required: fakes for programs that save no files, and fakes with nothing to close, do not have them.
require_clock = checked(require_methods, methods=("now", "sleep"))
require_http_session = checked(require_methods, methods=("request", "get"))
require_transport = checked(require_methods, methods=("send",))


def strip(value: Any) -> Any:
    """Return text without the blanks around it."""
    return value.strip() if isinstance(value, str) else value


def strip_slash(value: Any) -> Any:
    """Return text without slashes at its end."""
    return value.rstrip("/") if isinstance(value, str) else value


def unset_if_empty(value: Any) -> Any:
    """Return None for an empty text, as `os.environ.get(name, "")` returns it; any other value as it is."""
    return None if value == "" else value


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


def require_ssl_context(_: Any, __: Any, value: Any) -> None:
    """Require an SSLContext, or None: an attrs validator."""
    if value is None:
        return
    import ssl  # noqa: PLC0415 - a client without this option does not need it

    if not isinstance(value, ssl.SSLContext):
        raise invalid("ssl_context", f"ssl_context must be an ssl.SSLContext or None, not {value!r}.")


def require_trace_configs(_: Any, __: Any, value: Any) -> None:
    """Require a list or tuple of aiohttp's TraceConfigs: an attrs validator."""
    entries = cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else None
    if entries is None or not all(callable(getattr(entry, "trace_config_ctx", None)) for entry in entries):
        raise invalid("trace_configs", f"trace_configs must be a list of aiohttp.TraceConfig, not {value!r}.")

"""
Argument checks, written once: options, resources, batches and waits use the same ones.

Rule 1: an invalid argument is refused before any request; the error names the argument and its valid values.
Rule 2: a check raises or returns nothing; only those of texts, links and ids return their value, because callers build
paths and bodies with it.
"""

from __future__ import annotations

import ipaddress
import math
from typing import Collection, Iterable, List, Mapping, Protocol, cast
from urllib.parse import urlsplit

from bluma_async.errors import InvalidArgumentError

__all__ = [
    "MAX_PAGE_SIZE",
    "HasId",
    "invalid",
    "require_bool",
    "require_callable",
    "require_choice",
    "require_id",
    "require_id_list",
    "require_link",
    "require_mapping",
    "require_methods",
    "require_number",
    "require_page",
    "require_providers",
    "require_seconds",
    "require_statuses",
    "require_text",
    "require_whole",
]

MAX_PAGE_SIZE = 100  # the API's own limit, for every list that comes in pages


def invalid(name: str, message: str) -> InvalidArgumentError:
    """
    Return the error for an invalid argument; its `validation_errors` name the argument.

    Args:
        name: The argument's name.
        message: The problem, as a sentence. The error adds that nothing was sent.
    """
    return InvalidArgumentError(f"{message} Nothing was sent.", validation_errors=[{"field": name, "message": message}])


def require_text(name: str, value: object) -> str:
    """
    Return the value if it is text and not empty.

    Raises:
        InvalidArgumentError: The value is not a string, or is empty or blank.
    """
    if not isinstance(value, str) or not value.strip():
        raise invalid(name, f"{name} must be a non-empty string, not {value!r}.")
    return value


def require_number(
    name: str, value: object, *, at_least: float = 0, above: float | None = None, optional: bool = False
) -> None:
    """
    Require a finite number; a bool is refused.

    Args:
        name: The argument's name.
        value: Its value.
        at_least: The smallest valid number.
        above: A number that the value must exceed; replaces `at_least`.
        optional: Whether None is valid too.

    Raises:
        InvalidArgumentError: The value is not such a number.
    """
    bound = f"of at least {at_least:g}" if above is None else f"greater than {above:g}"
    if not (optional and value is None) and not _is_number(value, at_least, above):
        raise invalid(name, f"{name} must be a number {bound}{' or None' if optional else ''}, not {value!r}.")


def require_bool(name: str, value: object) -> None:
    """
    Require True or False.

    Raises:
        InvalidArgumentError: The value is neither.
    """
    if not isinstance(value, bool):
        raise invalid(name, f"{name} must be True or False, not {value!r}.")


def require_providers(name: str, value: object) -> None:
    """
    Require a bool, a provider of OpenTelemetry, or a tuple of providers.

    Raises:
        InvalidArgumentError: The value is neither.
    """
    kind = type(value).__name__
    providers = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
    is_known = all(hasattr(provider, "get_tracer") or hasattr(provider, "get_meter") for provider in providers)
    if not isinstance(value, bool) and not (providers and is_known):
        kinds = "a bool, a TracerProvider, a MeterProvider, or a tuple of both"
        raise invalid(name, f"{name} must be {kinds}, not {kind}.")


def require_seconds(name: str, value: object, *, at_least: float = 0, above: float | None = None) -> None:
    """
    Require a finite number of seconds: at least `at_least`, or greater than `above`.

    Raises:
        InvalidArgumentError: The value is not such a number.
    """
    if not _is_number(value, at_least, above):
        bound = f"of at least {at_least:g}" if above is None else f"above {above:g}"
        raise invalid(name, f"{name} must be a number of seconds {bound}, not {value!r}.")


def require_whole(name: str, value: object, *, at_least: int = 0) -> None:
    """
    Require an int; a bool is refused.

    Raises:
        InvalidArgumentError: The value is not an int, or is too small.
    """
    if type(value) is not int or value < at_least:
        raise invalid(name, f"{name} must be a whole number of at least {at_least}, not {value!r}.")


def require_page(limit: object, *, offset: object = 0, page: object = 1) -> None:
    """
    Require a page that the API can return.

    Raises:
        InvalidArgumentError: `limit` is not within 1 and 100, `offset` is below 0, or `page` is below 1.
    """
    if type(limit) is not int or not 1 <= limit <= MAX_PAGE_SIZE:
        raise invalid("limit", f"limit must be a whole number from 1 to {MAX_PAGE_SIZE}, not {limit!r}.")
    require_whole("offset", offset)
    require_whole("page", page, at_least=1)


def require_choice(name: str, value: object, choices: Iterable[str], *, optional: bool = False) -> None:
    """
    Require one of several words, or None if that is valid too.

    Raises:
        InvalidArgumentError: The value is none of them.
    """
    valid = [str(choice) for choice in choices]
    if not (optional and value is None) and (not isinstance(value, str) or value not in valid):
        raise invalid(name, f"{name} must be one of {', '.join(valid)}{' or None' if optional else ''}, not {value!r}.")


def require_callable(name: str, value: object) -> None:
    """
    Require a function, or None.

    Raises:
        InvalidArgumentError: The value is neither.
    """
    if value is not None and not callable(value):
        raise invalid(name, f"{name} must be a function or None, not {value!r}.")


def require_methods(name: str, value: object, methods: Collection[str]) -> None:
    """
    Require an object with these methods, of whatever class, or None. The class itself is refused.

    Raises:
        InvalidArgumentError: The value is something else.
    """
    has_methods = all(callable(getattr(value, method, None)) for method in methods)
    if value is not None and (isinstance(value, type) or not has_methods):
        wanted = f"an object with the methods {', '.join(methods)}"
        raise invalid(name, f"{name} must be {wanted}, or None, not {type(value).__name__}.")


def require_mapping(name: str, value: object, example: str) -> None:
    """
    Require a mapping; the error shows the example.

    Raises:
        InvalidArgumentError: The value is not a mapping.
    """
    if not isinstance(value, (dict, Mapping)):  # `dict` first, because the check of an ABC is slow
        raise invalid(name, f"{name} must be a mapping such as {example}, not {value!r}.")


class HasId(Protocol):
    """A model with an id: it can be passed in place of the id."""

    @property
    def id(self) -> str: ...


def require_id(name: str, value: object, kind: type[HasId]) -> str:
    """
    Return the id of an object: the value is the id, or the object itself.

    Raises:
        InvalidArgumentError: The value is neither, or the id is empty or blank. An object of another class is refused,
            although it may have an id too.
    """
    found = value.id if isinstance(value, kind) else value
    if not isinstance(found, str) or not found.strip():
        raise invalid(name, f"{name} must be an id as non-empty text, or the {kind.__name__} itself, not {value!r}.")
    return found


def require_id_list(name: str, value: object, kind: str = "ids") -> List[str]:
    """
    Return ids, or texts of another kind, as a list. A single string is refused: each of its letters would be an id.

    Raises:
        InvalidArgumentError: The value is a string or not a sequence, or has an entry that is not text, or is blank.
    """
    if isinstance(value, str):
        raise invalid(name, f"{name} must be a list of {kind}, not one: [{value!r}].")
    if isinstance(value, (bytes, Mapping)) or not isinstance(value, Iterable):
        raise invalid(name, f"{name} must be a list of {kind}, not {value!r}.")
    return [require_text(name, entry) for entry in cast("Iterable[object]", value)]


def require_statuses(name: str, value: object) -> None:
    """
    Require a list, tuple or set of statuses. A single string is refused: each letter would be a status.

    Raises:
        InvalidArgumentError: The value is not such a collection, or has an entry that is not text, or is blank.
    """
    entries = cast("Collection[object]", value) if isinstance(value, (list, tuple, set, frozenset)) else None
    if entries is None or not all(isinstance(entry, str) and entry.strip() for entry in entries):
        raise invalid(name, f"{name} must be a list of statuses such as ['cancelled'], not {value!r}.")


def require_link(name: str, value: object, *, public: bool = False) -> str:
    """
    Return the value if it is an http(s) URL.

    Args:
        name: The argument's name.
        value: Its value.
        public: Whether the server fetches the URL: it must then not be on this machine or in a private network.

    Raises:
        InvalidArgumentError: The value is not such a URL.
    """
    host = _link_host(value)
    if host is None:
        raise invalid(name, f"{name} must be an http:// or https:// URL, not {value!r}.")
    if public and _is_private(host):
        raise invalid(name, f"{name} must be reachable by the provider, and {host} is not.")
    return str(value)


def _is_number(value: object, at_least: float, above: float | None) -> bool:
    try:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            return False
    except OverflowError:  # an int that no float can hold
        return False
    return value >= at_least if above is None else value > above


def _link_host(value: object) -> str | None:
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        is_link = parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:
        return None
    return parts.hostname or None if is_link else None


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host

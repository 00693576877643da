"""
The URLs of PostgreSQL databases: what they name, and how they are shown without their secrets.

Rule: a password can be in the login (`user:password@host`) and among the parameters (`?password=`), whose names may be
percent-encoded. Both are masked as libpq parses them.
"""

from __future__ import annotations

import hashlib
import re
from importlib import import_module
from typing import Any, Dict
from urllib.parse import unquote

from bluma_async.errors import InvalidArgumentError

__all__ = ["fingerprint_database", "is_postgres_url", "load_psycopg", "mask_secrets", "mask_url", "name_database"]

SCHEMES = ("postgresql://", "postgres://")
SECRETS = ("password", "sslpassword")  # the other parameters name files, and have no secret themselves
SEARCH_PATH = re.compile(r"search_path\s*=\s*((?:\\.|\S)+)")  # among the options of a connection
PARAMETER = re.compile(r"([?&])([^=&?]*)=([^&]*)")


def is_postgres_url(text: object) -> bool:
    """Return whether a journal is named by the URL of a PostgreSQL database."""
    return isinstance(text, str) and text.startswith(SCHEMES)


def load_psycopg() -> Any:
    """
    Import psycopg and its pool, and return psycopg.

    Raises:
        InvalidArgumentError: The extra is not installed.
    """
    try:
        import_module("psycopg_pool")  # here, so that it is not loaded in the event loop
        return import_module("psycopg")
    except ModuleNotFoundError as missing:
        raise InvalidArgumentError(
            f'A PostgreSQL database needs {missing.name}: pip install "bluma[fleet]" (Python 3.10 or later). Nothing '
            "was sent."
        ) from None


def name_database(url: str) -> str:
    """
    Return a name without the password, such as `postgresql://host:5432/app`.

    Raises:
        InvalidArgumentError: The URL is invalid, or the extra is not installed.
    """
    parts = _parse(url)
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgresql://{parts.get('host') or ''}{port}/{parts.get('dbname') or ''}"


def fingerprint_database(url: str) -> str:
    """
    Return a short hash that is the same for all URLs with the same host, port, database and `search_path`.

    User, password and the other parameters do not matter. Two names of one host have two hashes.

    Raises:
        InvalidArgumentError: The URL is invalid, or the extra is not installed.
    """
    parts = _parse(url)
    host, port = str(parts.get("host") or "").lower(), str(parts.get("port") or "5432")
    name = str(parts.get("dbname") or parts.get("user") or "")
    path = SEARCH_PATH.findall(str(parts.get("options") or ""))
    return hashlib.sha256(repr((host, port, name, path[-1:])).encode()).hexdigest()[:8]


def _parse(url: str) -> Dict[str, Any]:
    psycopg = load_psycopg()
    try:  # without a scheme, libpq would take the database that the environment names
        parts = psycopg.conninfo.conninfo_to_dict(url) if is_postgres_url(url) else None
    except psycopg.ProgrammingError:
        parts = None
    if parts is None:
        raise InvalidArgumentError(
            "The URL of the PostgreSQL database is invalid: it must be like postgresql://user@host:5432/name. Nothing "
            "was sent."
        ) from None
    return dict(parts)


def mask_url(url: str) -> str:
    """Return a URL with `***` in place of each of its passwords. Other text is returned as it is."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    login, at, place = _split_login(rest)
    user, colon, _ = login.partition(":")
    return scheme + mark + PARAMETER.sub(_mask_parameter, f"{user}{':***' if colon else ''}{at}{place}")


def _split_login(rest: str) -> tuple[str, str, str]:
    """Return the login, `@`, and the rest. A `/` in a password is no path; an `@` in a query is no login."""
    authority, slash, path = rest.partition("/")
    if "@" in authority or "?" in rest:
        login, at, host = authority.rpartition("@")
        return login, at, f"{host}{slash}{path}"
    return rest.rpartition("@")


def _mask_parameter(found: re.Match[str]) -> str:
    mark, name, value = found.groups()
    return f"{mark}{name}={'***' if unquote(name) in SECRETS else value}"


def mask_secrets(text: str, url: str) -> str:
    """Return a text, such as a message of the server, with `***` in place of each password of a valid URL."""
    parts = load_psycopg().conninfo.conninfo_to_dict(url)
    for secret in filter(None, (parts.get(name) for name in SECRETS)):
        text = text.replace(str(secret), "***")
    return text

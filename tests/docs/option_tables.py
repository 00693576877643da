"""The tables of options in docs/configuration.md, made from the classes that describe the options."""

from __future__ import annotations

from typing import Any

import attrs

from bluma_async._session.options import ENVIRONMENT
from tests.session.test_options import described


def describe(kind: Any) -> str:
    """Return the table of a class of options: name, default, meaning."""
    texts = described(kind.__doc__, "Attributes")
    rows = [f"| `{field.name}` | {_default(field)} | {_escape(texts[field.name])} |" for field in attrs.fields(kind)]
    return "\n".join(["| option | default | meaning |", "|---|---|---|", *rows])


def _default(field: Any) -> str:
    if field.name in ENVIRONMENT:
        return f"`{ENVIRONMENT[field.name]}`"
    return "" if field.default is attrs.NOTHING or field.default == () else f"`{field.default!r}`"


def _escape(text: str) -> str:
    return text.replace("|", "\\|")

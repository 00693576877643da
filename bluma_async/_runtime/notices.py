"""
Warn about input that is sent although it may be a mistake, and about schemas that are not used.

Rule 1: a text is shown once, by the rules of `warnings`: texts are made of names, never of values that a user brings.
Rule 2: no line of source code is shown. A create runs in another task, or in another thread, than its caller, so the
line would be one of the SDK or of asyncio.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Dict, Generator, List

__all__ = ["BlumaWarning", "collect_warnings", "warn"]

MOST = 1000  # texts that are remembered; names can come from a user's own users
_shown: Dict[Any, Any] = {}
_collected: ContextVar[List[str] | None] = ContextVar("_collected", default=None)


class BlumaWarning(UserWarning):
    """
    Input that is sent although it may be a mistake, or a schema that is not used.

    The option `validate` of a client decides about these checks. To turn the warnings into errors, which are raised
    before anything is sent: `warnings.simplefilter("error", BlumaWarning)`.
    """


def warn(text: str) -> None:
    """Warn once for each text. The filters of `warnings` apply, in any thread."""
    collected = _collected.get()
    if collected is not None and text not in collected:
        collected.append(text)
    if len(_shown) > MOST:
        _shown.clear()
    # A name in angle brackets is not a file, so that `warnings` looks for no line of source code.
    warnings.warn_explicit(text, BlumaWarning, "<bluma>", 1, module="bluma", registry=_shown)


@contextmanager
def collect_warnings() -> Generator[List[str], None, None]:
    """Give a list that gets the texts of a block, also those that were shown before. They are shown as always."""
    texts: List[str] = []
    token = _collected.set(texts)
    try:
        yield texts
    finally:
        _collected.reset(token)

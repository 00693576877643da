"""
The `bluma` logger, and the mask for secrets in log lines and errors.

The prefixes of API keys and webhook secrets are known here, although this room knows nothing else of the API: a mask
that is applied to every text is the last line of defence, also where no caller knows the secret.
"""

from __future__ import annotations

import logging
import re

__all__ = ["UNRECORDED", "logger", "mask"]

UNRECORDED = "unrecorded"  # the field `event` of the record about a paid video whose id could not be recorded
logger = logging.getLogger("bluma")
logger.addHandler(logging.NullHandler())

SECRETS = r"\b(bluma_(?:test|live)_|whsec_)[A-Za-z0-9_\-]+"  # compiled when it is first used


def mask(text: str, *secrets: str | None) -> str:
    """Return the text with the given secrets masked, and everything that looks like an API key or webhook secret."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return re.sub(SECRETS, r"\1***", text)

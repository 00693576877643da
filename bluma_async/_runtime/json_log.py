"""
Format log records as JSON, for programs that collect logs.

Rule: one object a line. Its fields are always `time`, `level`, `event`, `job`, `video`, `epoch` and `detail`. What does
not apply is null. Keys and secrets are masked in every text.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone

from bluma_async._runtime.log import mask

__all__ = ["JsonFormatter"]


class JsonFormatter(logging.Formatter):
    """
    Formats a record as one line of JSON.

    `event` is a word for steps of a job, such as `created` and `saved`; for other records it is `log`, and the text is
    in `detail`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = record.__dict__
        at = datetime.fromtimestamp(record.created, timezone.utc)
        line = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": fields.get("event") or "log",
            "job": fields.get("job"),
            "video": fields.get("video"),
            "epoch": fields.get("epoch"),
            "detail": mask(self._describe(record)),
        }
        return json.dumps(line)  # in ASCII: stderr may have any encoding

    def _describe(self, record: logging.LogRecord) -> str:
        """Return the message, and the traceback of an exception."""
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{record.getMessage()}{trace}"

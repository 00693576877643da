"""
One row of what the user wants to one job: what it asks for, what it is called, and what is wrong with it.

Rule: a job's identity is its content and its key. Without a key of its own it is called by a short hash of its content.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Dict, Mapping

import attrs

from bluma_async.errors import InvalidArgumentError
from bluma_async.resources._creating import create_call

__all__ = ["COLUMNS", "Job", "job_of", "wrong"]

COLUMNS = ("template_id", "variant_id", "prompt", "key", "resolution", "watermark", "webhook_url", "context", "options")
CONTEXT = "context."
KEY = re.compile(r"(?!\.)[^\x00-\x1f\x7f/\\:*?\"<>|]{1,120}(?<![. ])")
YES_OR_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@attrs.frozen
class Job:
    """A video to be made; `origin` is where it was asked for, such as `jobs.csv, row 3`."""

    key: str
    body: str
    template_id: str | None
    resolution: str | None
    origin: str


def job_of(row: object, origin: str) -> Job:
    """
    Return what a row asks for. A value that is None or an empty text counts as absent.

    Raises:
        InvalidArgumentError: It cannot be right; `validation_errors` name the column.
    """
    if not isinstance(row, Mapping):
        raise wrong(
            origin, "row", f"a job must be a mapping such as {{'template_id': ..., 'prompt': ...}}, not {row!r}"
        )
    given: Dict[str, Any] = {str(name): value for name, value in row.items() if value is not None and value != ""}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # whatever it is
    _require_known(given, origin)
    options = _options(given, origin)
    arguments: Dict[str, Any] = {
        "context": _context(given, origin),
        "template_id": given.get("template_id"),
        "variant_id": given.get("variant_id"),
        "webhook_url": given.get("webhook_url"),
        "options": options,
    }
    try:
        call = create_call(**arguments, idempotency_key=None)
    except InvalidArgumentError as problem:
        raise wrong(origin, problem.field or "row", problem.validation_errors[0]["message"].rstrip(".")) from problem
    body = json.dumps(arguments, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Job(_key(given, body, origin), body, call.subject, (options or {}).get("resolution"), origin)


def wrong(origin: str, column: str, what: str) -> InvalidArgumentError:
    """Return the error for a row that cannot be right."""
    message = f"{origin}, {column}: {what}."
    return InvalidArgumentError(message, validation_errors=[{"field": column, "message": message, "row": origin}])


def _require_known(given: Mapping[str, Any], origin: str) -> None:
    for name in given:
        if name not in COLUMNS and not (name.startswith(CONTEXT) and len(name) > len(CONTEXT)):
            raise wrong(origin, name, f"there is no such column; there are {', '.join(COLUMNS[:7])} and context.NAME")


def _context(given: Mapping[str, Any], origin: str) -> Dict[str, Any]:
    whole = given.get("context", {})
    if not isinstance(whole, Mapping):
        raise wrong(origin, "context", f"it must be an object such as {{'prompt': '...'}}, not {whole!r}")
    parts = {name[len(CONTEXT) :]: value for name, value in given.items() if name.startswith(CONTEXT)}
    prompt = {"prompt": given["prompt"]} if "prompt" in given else {}
    for name in {**parts, **prompt}:
        if name in whole or (name in parts and name in prompt):
            raise wrong(origin, CONTEXT + name, "it is given twice")
    context: Dict[str, Any] = {**whole, **parts, **prompt}
    if not isinstance(context.get("prompt"), str) or not context["prompt"].strip():
        raise wrong(origin, "prompt", f"it must be a text that is not empty, not {context.get('prompt')!r}")
    return context


def _options(given: Mapping[str, Any], origin: str) -> Dict[str, Any] | None:
    whole = given.get("options", {})
    if not isinstance(whole, Mapping):
        raise wrong(origin, "options", f"it must be an object such as {{'resolution': '1080p'}}, not {whole!r}")
    options: Dict[str, Any] = dict(whole)  # pyright: ignore[reportUnknownArgumentType]  # as above
    if "resolution" in given:
        options["resolution"] = given["resolution"]
    if "watermark" in given:
        options["watermark"] = _flag(given["watermark"], origin)
    return options or None


def _flag(value: object, origin: str) -> bool:
    known = value if isinstance(value, bool) else YES_OR_NO.get(str(value).strip().lower())
    if known is None:
        raise wrong(origin, "watermark", f"it must be true or false, not {value!r}")
    return known


def _key(given: Mapping[str, Any], body: str, origin: str) -> str:
    if "key" not in given:
        return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    key = given["key"]
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise wrong(origin, "key", f"it names a file, so it must be 1 to 120 letters, digits or the like, not {key!r}")
    return key

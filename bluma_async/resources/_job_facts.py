"""What the handle of a video stores, and how it is read again: it may come from anywhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Mapping

import attrs

from bluma_async._wire.checks import invalid, require_id
from bluma_async.resources._video_calls import get_call
from bluma_async.stores.keys import fingerprint_key
from bluma_async.types import Video

if TYPE_CHECKING:
    from bluma_async._session.options import Options
    from bluma_async.errors import InvalidArgumentError

__all__ = ["JobFacts", "describe_job", "read_job"]

FORMAT = 1
REQUIRED = ("id", "key", "base_url", "account")
LONGEST = 100  # characters of a value in an error


@attrs.frozen
class JobFacts:
    """What a handle stores; its JSON has the same names."""

    id: str
    key: str
    template_id: str
    base_url: str
    account: str

    def to_json(self) -> str:
        """Return the JSON text."""
        return json.dumps({"bluma_job": FORMAT, **attrs.asdict(self)})


def describe_job(options: Options, video: Video, key: str) -> JobFacts:
    """Return what the handle of a video stores that was created just now."""
    account = fingerprint_key(options.base_url, options.api_key)
    return JobFacts(video.id, key, video.template_id, options.base_url, account)


def read_job(options: Options, saved: object) -> JobFacts:
    """
    Return what a handle has stored.

    Raises:
        InvalidArgumentError: It is no handle, or is of another account or base URL.
    """
    facts = _read(_parse(saved))
    if facts.base_url != options.base_url:
        raise _refuse(
            f"it was started at {facts.base_url}, and this client uses {options.base_url}. Nothing was sent: use a "
            "client with that base URL."
        )
    if facts.account != fingerprint_key(options.base_url, options.api_key):
        raise _refuse(
            "it was started with another API key. Nothing was sent: use a client with that key; or, if both keys are "
            f"of one account, client.videos.wait_for({facts.id!r})."
        )
    return facts


def _parse(saved: object) -> Mapping[Any, Any]:
    """Return the JSON object of a handle."""
    to_json: Any = getattr(saved, "to_json", None)
    found: object = to_json() if callable(to_json) else saved
    if isinstance(found, (str, bytes)):
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            raise _refuse(_no_job(saved)) from None
    if not isinstance(found, Mapping):
        raise _refuse(_no_job(saved))
    return found  # pyright: ignore[reportUnknownVariableType]  # a user's mapping has no types


def _read(fields: Mapping[Any, Any]) -> JobFacts:
    version = fields.get("bluma_job")
    if version != FORMAT:
        if version is None:
            raise _refuse(_no_job(dict(fields)))
        raise _refuse(f"its format {version!r} is of another version of bluma.")
    for name in REQUIRED:
        if not isinstance(fields.get(name), str) or not fields[name]:
            raise _refuse(f"its {name!r} must be text, not {fields.get(name)!r}.")
    template_id = fields.get("template_id") or ""
    require_id("id", fields["id"], Video)
    get_call(fields["id"])  # raises for an id that is no path
    return JobFacts(fields["id"], fields["key"], str(template_id), fields["base_url"], fields["account"])


def _no_job(saved: object) -> str:
    shown = repr(saved)
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
    return f"{shown} is not what to_json() of a job returns. To wait for a video by its id, use client.videos.wait_for."


def _refuse(problem: str) -> InvalidArgumentError:
    return invalid("saved", f"The job cannot be picked up: {problem}")

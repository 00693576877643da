"""The facts that the handle of a video stores, and their decoder: a handle may come from anywhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Mapping

import attrs

from bluma_async._runtime.clock import local_time
from bluma_async._wire.checks import invalid, require_id
from bluma_async._wire.json_values import parse_json
from bluma_async.resources._videos.calls import require_video_id
from bluma_async.stores.keys import fingerprint_key
from bluma_async.types import Video
from bluma_async.types._model import to_json
from bluma_async.types._times import read_datetime

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._runtime.clock import Clock
    from bluma_async._session.options import Options
    from bluma_async.errors import InvalidArgumentError

__all__ = ["JobFacts", "describe_job", "read_job"]

FORMAT = 1
REQUIRED = ("id", "key", "base_url", "account")
LONGEST = 100  # characters of a value in an error


@attrs.frozen
class JobFacts:
    """
    The facts that a handle stores; its JSON has the same names.

    Attributes:
        id: The id of the video.
        key: The `Idempotency-Key` of the call that started it. One that reused a video has sent nothing with it.
        template_id: Its template; empty if the API did not name it.
        base_url: Where it was started.
        account: The fingerprint of the base URL and the key.
        created_at: When its create was answered, by the wall clock of that machine; None if that is unknown.
        credits_charged: The credits that its create has billed; 0 if the answer did not name them.
        reused: Whether the call that started it returned a video that was bought before.
    """

    id: str
    key: str
    template_id: str
    base_url: str
    account: str
    created_at: datetime | None = None
    credits_charged: int = 0
    reused: bool = False

    def to_json(self) -> str:
        """Return the JSON text."""
        return json.dumps({"bluma_job": FORMAT, **to_json(attrs.asdict(self))})

    def find_age(self, clock: Clock) -> float:
        """
        Return for how many seconds reads may have seen the video: 0 if that is unknown.

        The clocks of two machines differ: a handle from the future is taken for one that was made just now.
        """
        now = local_time(clock)
        return 0.0 if now is None or self.created_at is None else max((now - self.created_at).total_seconds(), 0.0)

    def __getstate__(self) -> Mapping[str, Any]:
        return attrs.asdict(self)

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for field in attrs.fields(JobFacts):  # a pickle of an earlier version lacks the later fields
            default = None if field.default is attrs.NOTHING else field.default
            object.__setattr__(self, field.name, state.get(field.name, default))


def describe_job(options: Options, clock: Clock, video: Video, key: str) -> JobFacts:
    """Return what the handle of a video stores that was created just now."""
    return JobFacts(
        video.id,
        key,
        video.template_id,
        options.base_url,
        fingerprint_key(options.base_url, options.api_key),
        local_time(clock),
        video.credits_charged,
        video.reused,
    )


def read_job(options: Options, saved: object) -> JobFacts:
    """
    Return what a handle has stored.

    Raises:
        InvalidArgumentError: It is not a handle, or is of another account or base URL.
    """
    facts = _read(_parse(saved))
    if facts.base_url != options.base_url:
        raise _refuse(
            f"it was started at {facts.base_url}, and this client uses {options.base_url}. Use a client "
            "with that base URL."
        )
    if facts.account != fingerprint_key(options.base_url, options.api_key):
        raise _refuse(
            "it was started with another API key. Use a client with that key; or, if both keys are of one account, "
            f"client.videos.wait_for({facts.id!r})."
        )
    return facts


def _parse(saved: object) -> Mapping[Any, Any]:
    """Return the JSON object of a handle."""
    to_json: Any = getattr(saved, "to_json", None)
    found: object = to_json() if callable(to_json) else saved
    if isinstance(found, (str, bytes)):
        try:
            found = parse_json(found)
        except ValueError:
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
    require_video_id(fields["id"])
    created_at, charged = _read_time(fields.get("created_at")), _read_charge(fields.get("credits_charged"))
    account, reused = fields["account"], fields.get("reused") is True  # a handle of an earlier version has none
    names = (fields["id"], fields["key"], str(template_id), fields["base_url"], account)
    return JobFacts(*names, created_at, charged, reused)


def _read_time(text: object) -> datetime | None:
    try:
        return None if text is None else read_datetime(text)
    except (ValueError, OverflowError):
        raise _refuse(f"its 'created_at' must be an ISO 8601 time, not {text!r}.") from None


def _read_charge(value: object) -> int:
    """Return the charge; 0 for a handle of an earlier version, which has none."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise _refuse(f"its 'credits_charged' must be a whole number of credits, not {value!r}.")
    return value or 0


def _no_job(saved: object) -> str:
    shown = repr(saved)
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
    return f"{shown} is not what to_json() of a job returns. To wait for a video by its id, use client.videos.wait_for."


def _refuse(problem: str) -> InvalidArgumentError:
    return invalid("saved", f"The job cannot be picked up: {problem}")

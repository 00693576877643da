"""
Cruelty: ways in which a real server may be slower, less consistent or busier than its documents promise.

By default nothing is cruel. The hooks that read these settings, each of them at every request:

    responses.py         date_ahead, retry_after_zero
    idle.py              idle_close
    random_faults.py     lost_creates, list_failures
    creates.py           commit_delay, created_at
    strangers.py         strangers
    luma/vapi.py         vapi_quirks
    visibility.py        list_lag, read_lag, page_cap, unordered_lists, no_credits_charged

All times are in seconds by the sandbox's clock. The settings apply to the Bluma API; `date_ahead`, `retry_after_zero`
and `idle_close` apply to the Luma providers too.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import attrs

from bluma_async.sandbox.catalog import BY_ID
from bluma_async.sandbox.fault_tables import LIST_FAILURES, LOST_CREATES
from bluma_async.sandbox.luma.quirks import VAPI_QUIRKS
from bluma_async.sandbox.validators import is_flag, is_number_within, is_one_of, is_some_of

__all__ = ["LISTS", "Cruelty", "CurrentCruelty", "parse_settings"]

DAY = 86400.0


def _to_tuple(value: Any) -> Any:
    items: Any = value  # not narrowed by isinstance, which would leave its items without a type
    return tuple(items) if isinstance(value, list) else value


def _seconds(highest: float = DAY) -> Any:
    return attrs.field(default=0.0, validator=is_number_within(0, highest))


def _share() -> Any:
    return attrs.field(default=0.0, validator=is_number_within(0, 1))


def _flag() -> Any:
    return attrs.field(default=False, validator=is_flag)


def _optional(validator: Any, default: Any = None) -> Any:
    return attrs.field(default=default, converter=_to_tuple, validator=attrs.validators.optional(validator))


def _kinds(table: Mapping[str, Any]) -> Any:
    return attrs.field(default=tuple(table), converter=_to_tuple, validator=is_some_of(table))


@attrs.frozen(kw_only=True)
class Cruelty:
    """
    The cruelty of a sandbox; by default, none.

    Attributes:
        list_lag: `GET /videos` and `GET /credits/history` show the state of this many seconds ago.
        read_lag: `GET /videos/{id}` and its download answer 404 for this many seconds after the commit.
        commit_delay: A create is committed, that is, exists and is billed, this many seconds after it arrived, also if
            the client has disconnected. The answer waits for the commit, unless a fault answers at once.
        created_at: Whether `created_at` is the time of the `commit` or of the `arrival` of the request.
        date_ahead: Seconds by which the Date header is ahead of `created_at`; may be negative. None: no Date header.
        no_credits_charged: Whether videos and the answers to creates lack `credits_charged`.
        list_failures: The share of reads of `GET /videos` and `GET /credits/history` that fail, from 0 to 1.
        list_failure_kinds: The ways in which they fail; names in `fault_tables.LIST_FAILURES`.
        retry_after_zero: Whether every 429 and 503 says `Retry-After: 0`.
        page_cap: The most rows on a page of a list, even if `limit` is larger; pagination counts the real pages.
        unordered_lists: Whether `GET /videos` is in an order that has nothing to do with time; the order is stable.
        idle_close: Seconds after which an idle connection is closed by the server; None: never.
        lost_creates: The share of creates whose outcome the client cannot read, from 0 to 1.
        lost_create_kinds: The ways in which they are lost; names in `fault_tables.LOST_CREATES`.
        vapi_quirks: The irregularities of V-API that are switched on; names in `luma.quirks.VAPI_QUIRKS`.
        strangers: Creates a minute by others on the same account, at random moments. They leave half of the credits.
        stranger_templates: The templates that strangers use; None: those that the clients of the sandbox have used.
        seed: Seeds every random choice: which creates are lost, when strangers create, how a list is ordered.
    """

    list_lag: float = _seconds()
    read_lag: float = _seconds()
    commit_delay: float = _seconds()
    created_at: str = attrs.field(default="commit", validator=is_one_of("commit", "arrival"))
    date_ahead: Optional[float] = _optional(is_number_within(-DAY, DAY), default=0.0)
    no_credits_charged: bool = _flag()
    list_failures: float = _share()
    list_failure_kinds: Tuple[str, ...] = _kinds(LIST_FAILURES)
    retry_after_zero: bool = _flag()
    page_cap: Optional[int] = _optional(is_number_within(1, 100, whole=True))
    unordered_lists: bool = _flag()
    idle_close: Optional[float] = _optional(is_number_within(0.001, DAY))
    lost_creates: float = _share()
    lost_create_kinds: Tuple[str, ...] = _kinds(LOST_CREATES)
    vapi_quirks: Tuple[str, ...] = attrs.field(
        default=(), converter=_to_tuple, validator=is_some_of(VAPI_QUIRKS, at_least=0)
    )
    strangers: float = attrs.field(default=0.0, validator=is_number_within(0, 600))
    stranger_templates: Optional[Tuple[str, ...]] = _optional(is_some_of(BY_ID))
    seed: int = attrs.field(default=0, validator=is_number_within(-(2**63), 2**63, whole=True))

    def change(self, **values: Any) -> Cruelty:
        """
        Return a copy with other values.

        Raises:
            ValueError: There is no such setting, or its value is invalid.
        """
        unknown = sorted(set(values) - set(SETTINGS))
        if unknown:
            raise ValueError(f"There is no cruelty {', '.join(unknown)}; there are {', '.join(SETTINGS)}.")
        return attrs.evolve(self, **values)

    def to_dict(self) -> Dict[str, Any]:
        """Return every setting, in the form that `change` takes."""
        return attrs.asdict(self)

    def __str__(self) -> str:
        """Return the settings that differ from the default, such as `list_lag=3, seed=7`."""
        changed = [entry.name for entry in attrs.fields(Cruelty) if getattr(self, entry.name) != entry.default]
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in changed) or "none"


SETTINGS: Sequence[str] = tuple(entry.name for entry in attrs.fields(Cruelty))


class CurrentCruelty:
    """The cruelty that applies at this moment; it may be replaced while the sandbox runs."""

    def __init__(self, value: Cruelty) -> None:
        self.value: Cruelty = value
        self.listeners: List[Callable[[], None]] = []

    def replace(self, value: Cruelty) -> None:
        """Apply other settings from now on. A create that has arrived keeps the commit time that it was given."""
        self.value = value
        for listener in self.listeners:
            listener()


def parse_settings(pairs: Sequence[str]) -> Dict[str, Any]:
    """
    Parse `NAME=VALUE` texts, as a command line has them; a value is JSON, a word, or words with commas between them.

    Raises:
        ValueError: A text has no `=`.
    """
    settings: Dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"cruelty must be given as NAME=VALUE, such as list_lag=3, not {pair!r}.")
        name = name.strip().replace("-", "_")
        settings[name] = value.split(",") if name in LISTS and value != "none" else _parse_value(value)
    return settings


LISTS = frozenset(("list_failure_kinds", "lost_create_kinds", "stranger_templates", "vapi_quirks"))


def _parse_value(text: str) -> Any:
    try:
        return None if text == "none" else json.loads(text)
    except ValueError:
        return text

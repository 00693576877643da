"""
Check the names and values in the `options` of a create, before they are paid for.

Rule 1: the server is the judge: it may know more than the documents. Only a name that is close to a documented one is
refused, because it is a misspelt one; every other unknown name or value is sent, with a warning.
Rule 2: a documented name with a value of the wrong type is refused, whatever `validate` says: it cannot mean anything.
"""

from __future__ import annotations

from typing import Any, Literal, Mapping, Sequence, get_args

from bluma_async._runtime.closeness import find_close
from bluma_async._runtime.notices import warn
from bluma_async._wire.checks import invalid, require_mapping
from bluma_async.types.arguments import KnownResolution

__all__ = ["Reuse", "Validate", "check_options", "require_options"]

Validate = Literal["error", "warn", "never"]
Reuse = Literal["content"]
TYPES = {"resolution": (str, "text such as '1080p'"), "watermark": (bool, "True or False")}
RESOLUTIONS = get_args(KnownResolution)
SENT = "It is sent as it is, because the server may know it."


def require_options(options: Mapping[str, Any]) -> None:
    """
    Require a mapping whose documented names have values of their types.

    Raises:
        InvalidArgumentError: It is none, or a value has another type.
    """
    require_mapping("options", options, "{'resolution': '1080p'}")
    for name, (kind, valid) in TYPES.items():
        if name in options and not isinstance(options[name], kind):
            raise invalid(f"options.{name}", f"options['{name}'] must be {valid}, not {options[name]!r}.")


def check_options(options: Mapping[str, Any], validate: Validate, offered: Sequence[str] = ()) -> None:
    """
    Refuse misspelt names, and warn about other unknown names and values.

    Args:
        options: The options of a create.
        validate: The client's option.
        offered: The resolutions that the template offers, if they are known; the caller compares with them.

    Raises:
        InvalidArgumentError: A name is close to a documented one, and `validate` is `error`.
    """
    for name in options if validate != "never" else ():
        if name not in TYPES:
            _check_unknown(name, validate)
    resolution = options.get("resolution", RESOLUTIONS[0])
    if validate != "never" and not offered and resolution not in RESOLUTIONS:
        close = find_close(resolution, RESOLUTIONS)
        hint = f"did you mean {close!r}?" if close else f"documented are {', '.join(RESOLUTIONS)}."
        warn(f"The value of options['resolution'] is not documented; {hint} {SENT}")


def _check_unknown(name: object, validate: Validate) -> None:
    close = find_close(name, TYPES)
    if close is not None and validate == "error":
        raise invalid(f"options.{name}", f"There is no option {name!r}; did you mean {close!r}?")
    hint = f"did you mean {close!r}?" if close else f"documented are {', '.join(TYPES)}."
    warn(f"The option {name!r} is not documented; {hint} {SENT}")

"""
Check the names and values in the `options` of a create, before they are paid for.

Rule 1: the server is the judge: it may know more than the documents. Only a name that is close to a documented one is
refused, because it is a misspelt one; every other unknown name or value is sent, with a warning.
Rule 2: a documented name with a value of the wrong type is refused, whatever `validate` says: it cannot mean anything.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, List, Literal, Mapping, Sequence, get_args

from bluma_async._runtime.closeness import find_close
from bluma_async._wire.checks import invalid, require_mapping
from bluma_async.types.arguments import KnownResolution

__all__ = ["Reuse", "Validate", "check_options", "require_options"]

Validate = Literal["error", "warn", "never"]
Reuse = Literal["content"]
TYPES = {"resolution": (str, "text such as '1080p'"), "watermark": (bool, "True or False")}
RESOLUTIONS = get_args(KnownResolution)


def require_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Require a mapping whose documented names have values of their types. None counts as left out.

    Returns:
        The options without the documented names that have no value.

    Raises:
        InvalidArgumentError: It is not a mapping, or a value has another type.
    """
    require_mapping("options", options, "{'resolution': '1080p'}")
    for name, (kind, valid) in TYPES.items():
        value = options.get(name)
        if value is not None and not isinstance(value, kind):
            raise invalid(f"options.{name}", f"options['{name}'] must be {valid}, not {value!r}.")
    return {name: value for name, value in options.items() if value is not None or name not in TYPES}


def check_options(options: Mapping[str, Any], validate: Validate, offered: Sequence[str] = ()) -> List[str]:
    """
    Refuse misspelt names, and return a sentence about each other unknown name and value, for a warning.

    Args:
        options: The options of a create.
        validate: The client's option.
        offered: The resolutions that the template offers, if they are known; the caller compares with them.

    Raises:
        InvalidArgumentError: A name is close to a documented one, and `validate` is `error`.
    """
    return [] if validate == "never" else list(_list_doubts(options, validate, offered))


def _list_doubts(options: Mapping[str, Any], validate: Validate, offered: Sequence[str]) -> Iterator[str]:
    for name in options:
        if name not in TYPES:
            close = find_close(name, TYPES)
            if close is not None and validate == "error":
                raise invalid(f"options.{name}", f"There is no option {name!r}; did you mean {close!r}?")
            yield f"The option {name!r} is not documented; {_hint(close, TYPES)}"
    resolution = options.get("resolution")
    if resolution is not None and not offered and resolution not in RESOLUTIONS:
        close = find_close(resolution, RESOLUTIONS)
        yield f"The value of options['resolution'] is not documented; {_hint(close, RESOLUTIONS)}"


def _hint(close: str | None, documented: Iterable[str]) -> str:
    return f"did you mean {close!r}?" if close else f"documented are {', '.join(documented)}."

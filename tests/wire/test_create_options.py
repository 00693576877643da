"""The options of a create: a misspelt name is refused, other unknown names and values are sent with a warning."""

from __future__ import annotations

from typing import Any, List

import pytest

from bluma_async import errors
from bluma_async._wire.create_options import check_options, require_options


def check(options: Any, validate: Any = "error") -> List[str]:
    """Check options, and return the sentences about what may be a mistake."""
    return check_options(options, validate)


@pytest.mark.parametrize("validate", ["error", "warn", "never"])
def test_documented_options_are_silent(validate: str) -> None:
    """Item 26: all documented values, and no options."""
    for resolution in ("720p", "1080p", "4k"):
        assert check({"resolution": resolution, "watermark": False}, validate) == []
    assert check({}, validate) == []


def test_a_misspelt_name_is_refused() -> None:
    """It would be billed without its effect. The error names the nearest documented name."""
    with pytest.raises(errors.InvalidArgumentError, match="did you mean 'resolution'") as caught:
        check({"resoluton": "4k"})

    assert caught.value.field == "options.resoluton"


def test_warn_and_never_send_a_misspelt_name() -> None:
    """`warn` shows the same hint; `never` is silent."""
    assert "did you mean 'resolution'?" in check({"resoluton": "4k"}, "warn")[0]
    assert check({"resoluton": "4k", "resolution": "8k", "fps": 1}, "never") == []


def test_unknown_names_and_values_are_sent_with_a_warning() -> None:
    """The server may know more than the documents. One text for each name, so that each is shown once."""
    (text,) = check({"fps": 60})
    assert text == "The option 'fps' is not documented; documented are resolution, watermark."
    assert "did you mean '4k'?" in check({"resolution": "4K"})[0]
    assert check({"resolution": "8k"}) == check({"resolution": "16k"})
    assert check({5: 1})[0].startswith("The option 5 is not documented")


@pytest.mark.parametrize(
    ("options", "field"),
    [("4k", "options"), ({"resolution": 4}, "options.resolution"), ({"watermark": 1}, "options.watermark")],
)
def test_a_documented_name_needs_its_type(options: Any, field: str) -> None:
    """Whatever the option `validate` is."""
    with pytest.raises(errors.InvalidArgumentError) as caught:
        require_options(options)

    assert caught.value.field == field


def test_none_is_no_option() -> None:
    """A documented option without a value is left out; other names are the server's."""
    assert require_options({"resolution": None, "watermark": None, "fps": None}) == {"fps": None}
    assert check({"resolution": None}) == []

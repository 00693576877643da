"""The known name that a misspelt one stands for."""

from __future__ import annotations

import pytest

from bluma_async._runtime.closeness import find_close

OPTIONS = ("resolution", "watermark")


@pytest.mark.parametrize("name", ["resoluton", "Resolution", "resolutions", "reslution", "RESOLUTIOM"])
def test_a_misspelt_name_is_recognised(name: str) -> None:
    """A letter too few, too many or wrong, or another case."""
    assert find_close(name, OPTIONS) == "resolution"


@pytest.mark.parametrize("name", ["duration", "fps", "format", "res", "", 5, None, "resolution" * 20])
def test_another_name_is_left_alone(name: object) -> None:
    """A name that resembles no known one gets no suggestion: the server may know it."""
    assert find_close(name, OPTIONS) is None


@pytest.mark.parametrize("name", ["txet", "etxt", "TETX"])
def test_two_swapped_letters_of_a_short_name_are_one_mistake(name: str) -> None:
    """Two neighbouring letters are often typed in the wrong order."""
    assert find_close(name, ("text", "on", "name")) == "text"


@pytest.mark.parametrize("name", ["ttxe", "test", "no", "mane", "xett", "act"])
def test_other_short_names_are_left_alone(name: str) -> None:
    """Letters that are no neighbours, another letter, and names of three letters, which may be words of their own."""
    assert find_close(name, ("text", "on", "name", "cat")) is None


def test_the_closest_name_is_chosen() -> None:
    """Of several close names the best one, whatever their order."""
    assert find_close("titel", ("title", "titles")) == find_close("titel", ("titles", "title")) == "title"

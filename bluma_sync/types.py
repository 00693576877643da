# Generated from bluma_async/types/__init__.py by `nox -s facade`: change that, not this.
"""The models of the objects that the API returns."""

from bluma_async.types import *  # noqa: F403 - the same names
from bluma_async.types import __all__  # noqa: F401 - for star imports of this one

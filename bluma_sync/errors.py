# Generated from bluma_async/errors.py by `nox -s facade`: change that, not this.
"""Every error the SDK raises."""

from bluma_async.errors import *  # noqa: F403 - the same names
from bluma_async.errors import __all__  # noqa: F401 - for star imports of this one

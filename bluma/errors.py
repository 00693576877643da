"""The errors of the SDK, under the import name of its documentation."""

from bluma_async.errors import *  # noqa: F403 - the same names
from bluma_async.errors import __all__  # noqa: F401 - for star imports of this one

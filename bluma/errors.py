"""The errors the SDK raises, under the name that its documents import."""

from bluma_async.errors import *  # noqa: F403 - the same names
from bluma_async.errors import __all__  # noqa: F401 - for star imports of this one

"""What the API returns, under the name that its documents import."""

from bluma_async.types import *  # noqa: F403 - the same names
from bluma_async.types import __all__  # noqa: F401 - for star imports of this one

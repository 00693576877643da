"""The models of the API, under the import name of its documentation."""

from bluma_async.types import *  # noqa: F403 - the same names
from bluma_async.types import __all__  # noqa: F401 - for star imports of this one

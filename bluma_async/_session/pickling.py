"""
Pickle the options of a client, without functions and secrets. Connections are not pickled.

Rule 1: the key is not written into a pickle, which may be stored or sent, unless the caller says so (`pickle_key`). It
is read from the environment of the process that unpickles.
Rule 2: unpickling without a key succeeds, and the first call is refused. A pool of processes that cannot unpickle a
task loses it without a word.
Rule 3: an object of the caller's that decides about requests is never left out silently: such a client is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping

import attrs

from bluma_async._session.options import ConnectionOptions, Options, read_environment
from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from bluma_async._session.shared import Shared

__all__ = ["MISSING_KEY", "pack_connection", "pack_options", "unpack_connection", "unpack_options"]

SECRETS = ("api_key", "webhook_secret")
LEFT_OUT = ("trace_configs", "shared")  # functions of the caller's, like the hooks; and a URL that its owner pickles
OBJECTS = ("ssl_context", "http_session", "transport")
MISSING_KEY = (
    "This client was pickled without its API key, and {} is not set in this process. Nothing was sent: set it before "
    "the client is unpickled, or make the client with pickle_key=True."
)


def pack_options(options: Options, environment: Mapping[str, str]) -> Dict[str, Any]:
    """
    Return the options to pickle.

    Raises:
        BlumaError: There is a `webhook_secret`, and no variable to read it from where they are unpickled.
    """
    left_out = () if options.pickle_key else SECRETS
    if left_out and options.webhook_secret is not None and "webhook_secret" not in environment:
        raise BlumaError(
            "A client with webhook_secret cannot be pickled without it: no variable of the environment has it. Make "
            "the client with pickle_key=True, or in the other process."
        )
    given = {field.name: getattr(options, field.name) for field in attrs.fields(Options)}
    return {name: value for name, value in given.items() if name not in left_out and not callable(value)}


def unpack_options(packed: Mapping[str, Any], shared: Shared) -> Options:
    """Return the options in a pickle, with the secrets of this process's environment; the key may be missing."""
    given: Dict[str, Any] = {"api_key": "", **read_environment(packed, shared.environment)}
    return Options(**given)


def pack_connection(options: ConnectionOptions) -> Dict[str, Any]:
    """
    Return the options of the connections to pickle.

    Raises:
        BlumaError: One of them is an object that belongs to this process.
    """
    given = {field.name: getattr(options, field.name) for field in attrs.fields(ConnectionOptions)}
    for name in OBJECTS:
        if given[name] is not None:
            raise BlumaError(
                f"A client with {name} cannot be pickled: {name} belongs to this process. Pass the options, and make "
                "the client in the other process."
            )
    kept = {name: value for name, value in given.items() if name not in LEFT_OUT}
    kept["telemetry"] = given["telemetry"] is True  # providers are objects of this process, like the functions
    return kept


def unpack_connection(packed: Mapping[str, Any]) -> ConnectionOptions:
    """Return the options of the connections in a pickle."""
    return ConnectionOptions(**packed)

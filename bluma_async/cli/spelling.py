"""
The messages of the SDK in the words of the command line.

An error is written for programs, and names arguments. A user of the command reads options.
"""

from __future__ import annotations

import re
from ast import literal_eval
from typing import Mapping

from bluma_async.resources._videos.saving import build_save_command

__all__ = ["spell_for_commands"]

SPELLINGS: Mapping[str, str] = {
    "pass api_key=, or set BLUMA_API_KEY.": "set BLUMA_API_KEY, keep it with `bluma config set`, or try --sandbox.",
    "pass api_key=, or set ": "set ",  # that of a Luma provider
    "overwrite=True": "--overwrite",
    'verify="none"': "--verify none",
    "journal='jobs.sqlite'": "--journal jobs.sqlite",
    "max_credits to continue": "--max-credits to continue",
    "max_credits=": "--max-credits ",
    "exclusive=True": "--exclusive-key",
    "`candidates` are the videos that may be its own.": "look at each candidate.",
    "is not the id of a template": "is not the id of a template; `bluma templates` lists them.",
}


TEXT = r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""  # a literal of Python
CALL = re.compile(rf"client\.videos\.save\({TEXT}, {TEXT}\)")
CALL_OR_COMMAND = re.compile(rf"{CALL.pattern}, or with: ")
LUMA_SAVE = re.compile(rf"; continue with save\({TEXT}, {TEXT}\)")  # its commands print how to continue


def spell_for_commands(message: str) -> str:
    """Return a message with the options of commands in place of the arguments of functions."""
    message = LUMA_SAVE.sub("", CALL_OR_COMMAND.sub("", message))
    message = CALL.sub(_spell_save, message)
    for argument, option in SPELLINGS.items():
        message = message.replace(argument, option)
    return message


def _spell_save(call: re.Match[str]) -> str:
    return build_save_command(literal_eval(call[1]), literal_eval(call[2]))

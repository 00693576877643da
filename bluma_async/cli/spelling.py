"""
The messages of the SDK in the words of the command line.

An error is written for programs, and names arguments. A user of the command reads options.
"""

from __future__ import annotations

import re
from typing import Mapping

__all__ = ["spell_for_commands"]

SPELLINGS: Mapping[str, str] = {
    "pass api_key=, or set BLUMA_API_KEY.": "set BLUMA_API_KEY, keep it with `bluma config set`, or try --sandbox.",
    "pass api_key=, or set ": "set ",  # that of a Luma provider
    "overwrite=True": "--overwrite",
    'verify="none"': "--verify none",
    "journal='jobs.sqlite'": "--journal jobs.sqlite",
    "max_credits to continue": "--max-credits to continue",
    "leave max_credits": "leave --max-credits",
    "max_credits=": "--max-credits ",
    "A batch needs a journal, or a folder `out` to keep one in.": "Give --out or --journal.",
    "exclusive=True": "--exclusive-key",
    "`candidates` are the videos that may be its own.": "look at each candidate.",
}


TEXT = r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""  # a literal of Python
SAVE = re.compile(rf"; continue with (client\.videos\.)?save\({TEXT}, {TEXT}\)")  # the commands print how to continue


def spell_for_commands(message: str) -> str:
    """Return a message with the options of commands in place of the arguments of functions."""
    message = SAVE.sub("", message)
    for argument, option in SPELLINGS.items():
        message = message.replace(argument, option)
    return message

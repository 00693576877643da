"""After a payment, no message and no exit code may say that nothing was sent."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Generator

from bluma_async.errors import BlumaError, InvalidArgumentError

__all__ = ["after_payment"]


@contextmanager
def after_payment() -> Generator[None, None, None]:
    """
    Turn an invalid argument into a failure: exit code 2 says that nothing was sent, and a script would pay again.

    Raises:
        BlumaError: In place of an InvalidArgumentError of the block.
    """
    try:
        yield
    except InvalidArgumentError as error:
        raise BlumaError(str(error).replace(" Nothing was sent.", "")) from error

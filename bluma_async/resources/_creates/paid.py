"""Send a create: every create of a client, of a batch and of `client.request` passes here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._wire.checks import invalid
from bluma_async.resources._creates.certain import CertainCreate
from bluma_async.resources._sharing import find_account

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async._wire.call import Call
    from bluma_async.resources._creates.shared import SharedCreate
    from bluma_async.types import Video

__all__ = ["begin_shared", "send_create"]


async def send_create(session: Session, call: Call[Video], *, preset: str | None = None) -> Video:
    """
    Send a create and return its video; with `shared`, in its turn among all processes.

    Args:
        session: What to send with.
        call: The create.
        preset: The variant that only the caller creates from.
    """
    shared = begin_shared(session, call, None, preset=preset)
    if shared is None:
        return await session.send(call, reconciler=CertainCreate(session, preset))
    return await shared.run()


def begin_shared(
    session: Session, call: Call[Video], key: str | None, *, preset: str | None = None
) -> SharedCreate | None:
    """
    Return a create that agrees with the other processes; None for a client that shares nothing.

    Raises:
        InvalidArgumentError: There is a key, and the client shares nothing.
    """
    account = find_account(session)
    if account is not None:
        from bluma_async.resources._creates.shared import SharedCreate  # noqa: PLC0415 - few programs need it

        return SharedCreate(session, account, call, key, preset)
    if key is not None:
        raise invalid(
            "key",
            'key needs a database that remembers it: make the client with shared="postgresql://...".',
        )
    return None

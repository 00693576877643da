"""
Hold the statement that nobody else uses an account, for the other programs of this machine.

Reason: the statement lets a lost create adopt the only new video. Two programs that both make it would adopt each
other's videos, so the second one is refused. Programs on other machines cannot be seen from here.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bluma_async._runtime.file_lock import FileLock
from bluma_async._runtime.state_folder import find_state_folder
from bluma_async._runtime.threads import in_thread
from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from bluma_async._runtime.secret import Secret
    from bluma_async._session.evidence import CreateEvidence

__all__ = ["require_exclusive"]


async def require_exclusive(evidence: CreateEvidence, base_url: str, key: Secret) -> None:
    """
    Acquire the account's lock on this machine, unless this process has it.

    Raises:
        BlumaError: Another program has it, or the lock file cannot be opened. Nothing was sent.
    """
    if evidence.exclusive_lock is None:
        await in_thread(_acquire_once, evidence, base_url, key)


def _acquire_once(evidence: CreateEvidence, base_url: str, key: Secret) -> None:
    """Acquire the lock once for this process: the system would refuse the second of two creates that begin at once."""
    with evidence.exclusive_gate:
        if evidence.exclusive_lock is None:
            evidence.exclusive_lock = _acquire(base_url, key)


def _acquire(base_url: str, key: Secret) -> FileLock:
    folder = find_state_folder()
    account = hashlib.sha256(f"{base_url} {key.reveal()}".encode()).hexdigest()[:32]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock.acquire(folder / f"{account}.lock")
    except OSError as problem:
        raise BlumaError(
            f"The statement exclusive=True could not be recorded in {str(folder)!r}: {problem.strerror or problem}. "
            "Nothing was sent; name another folder in BLUMA_STATE_DIR."
        ) from problem
    if lock is None:
        raise BlumaError(
            "Another program on this machine has stated that it uses this API key alone (exclusive=True). Nothing was "
            "sent: wait until it has ended, or leave exclusive out in both."
        )
    return lock

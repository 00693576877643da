"""
Run the verbs of a store on one SQLite connection, several in one transaction.

Rule 1: SQLite runs in threads, one transaction at a time and in the order of the calls, so that the disk never blocks
the event loop.
Rule 2: the verbs that are called while a transaction runs share the next one, and with it one hop to a thread and one
wait for the disk. A verb returns after the commit, so its step is on disk then, as if it had been alone.
Rule 3: if a verb of a group fails, or its commit does, the group is undone, and each of its verbs runs again in a
transaction of its own: an error reaches the caller of the verb that it concerns, and no other one.
Rule 4: a locked file concerns every verb. When a transaction has waited for the lock in vain, the remaining verbs of
the group get the same error, and nothing of them is recorded: a wait for each would take minutes.
Rule 5: a verb that was called is run, also if its caller is cancelled; the caller waits for that.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from functools import partial
from typing import Any, Callable, Deque, List, Sequence, Tuple

import attrs

from bluma_async._runtime.thread_pool import Completion, start_in_thread

__all__ = ["GroupCommit", "RollbackWith"]

Action = Callable[[], Any]
Outcome = Tuple[Any, "BaseException | None"]  # of a verb: its result, or its error


class RollbackWith(Exception):  # noqa: N818 - a result that must leave no trace in the file, not an error
    """Raised inside a transaction to undo it and return a value nevertheless."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


@attrs.define(eq=False)
class _Verb:
    """A function that a caller waits for. Unless it `is_single`, others can share its transaction."""

    action: Action
    is_single: bool
    completion: Completion = attrs.field(factory=Completion)


class GroupCommit:
    """The transactions of one connection."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        begin: str,
        convert: Callable[[BaseException], BaseException],
        start: Callable[..., None] = start_in_thread,
    ) -> None:
        """
        Set up the transactions.

        Args:
            connection: A connection in autocommit mode (`isolation_level=None`), which threads may use in turns.
            begin: The statement that begins a transaction.
            convert: Returns the error that a caller gets for an error of its verb.
            start: Calls a function in a thread, and another one with the outcome in the event loop.
        """
        self._connection = connection
        self._begin = begin
        self._convert = convert
        self._start = start
        self._waiting: Deque[_Verb] = deque()
        self._running: Sequence[_Verb] = ()

    async def do(self, action: Action) -> Any:
        """Call a function in a transaction. After a rollback it is called again, so it must have no other effect."""
        return await self._add(_Verb(action, is_single=False))

    async def do_once(self, action: Action) -> Any:
        """Call a function that cannot be called again, in a transaction of its own."""
        return await self._add(_Verb(partial(self._transact_once, action), is_single=True))

    async def do_outside(self, action: Action) -> Any:
        """Call a function outside a transaction, after the verbs that were called before."""
        return await self._add(_Verb(action, is_single=True))

    async def _add(self, verb: _Verb) -> Any:
        self._waiting.append(verb)
        if not self._running:
            self._run_next()
        return await verb.completion.wait()

    def _run_next(self) -> None:
        group = self._running = self._take_group()
        try:
            self._start(self._run, (group,), self._end)
        except RuntimeError as refusal:  # the system starts no thread
            self._end(None, refusal)

    def _take_group(self) -> Sequence[_Verb]:
        group = [self._waiting.popleft()]
        while self._waiting and not (group[0].is_single or self._waiting[0].is_single):
            group.append(self._waiting.popleft())
        return group

    def _end(self, outcomes: Sequence[Outcome] | None, error: BaseException | None) -> None:
        """Run the next group, and give the one that ran its outcomes. Called in the event loop."""
        group, self._running = self._running, ()
        if self._waiting:
            self._run_next()
        for verb, (result, failure) in zip(group, outcomes or [(None, error)] * len(group)):
            verb.completion.resolve(result, None if failure is None else self._convert(failure))

    def _run(self, group: Sequence[_Verb]) -> List[Outcome]:
        """Run verbs, and return their outcomes. Called in a thread."""
        if group[0].is_single:
            return [_call(group[0].action)]
        results, error = _call(self._transact, [verb.action for verb in group])
        if error is None:
            return [(result, None) for result in results]
        return [(None, error)] * len(group) if len(group) == 1 or _is_lock(error) else self._run_each(group)

    def _run_each(self, group: Sequence[_Verb]) -> List[Outcome]:
        """Run verbs in transactions of their own."""
        outcomes: List[Outcome] = []
        for verb in group:
            results, error = _call(self._transact, [verb.action])
            if error is not None and _is_lock(error):
                return outcomes + [(None, error)] * (len(group) - len(outcomes))
            outcomes.append((None, error) if error is not None else (results[0], None))
        return outcomes

    def _transact_once(self, action: Action) -> Any:
        try:
            return self._transact([action])[0]
        except RollbackWith as ended:
            return ended.value

    def _transact(self, actions: Sequence[Action]) -> List[Any]:
        """Call functions in a transaction; undo it if one of them fails, or the commit does."""
        self._connection.execute(self._begin)
        try:
            results = [action() for action in actions]
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # some errors, such as a full disk, have ended it
                self._connection.execute("ROLLBACK")
            raise
        return results


def _is_lock(error: BaseException) -> bool:
    """Return whether another connection kept its lock for longer than SQLite waits for it."""
    return isinstance(error, sqlite3.OperationalError) and "database is locked" in str(error)


def _call(function: Callable[..., Any], *args: object) -> Outcome:
    try:
        return function(*args), None
    except Exception as error:  # noqa: BLE001 - the caller of the verb raises it
        return None, error

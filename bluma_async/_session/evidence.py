"""
The knowledge of this process about the creates of one account: which videos a lost create may have made, and which not.

Rule 1: evidence belongs to (base URL, API key) in the process. Two clients of one account share it, also a blocking
and an async one: a video that one of them created is never taken for a lost create of the other.
Rule 2: evidence lives as long as a client, or a copy of one, uses its account. The registry holds weak references, so
that a server with a key for each of its users does not keep an entry for every key it has ever seen.
Rule 3: reports and calls are ordered by a counter, not by a clock. Clients with different clocks share evidence, and a
coarse clock gives two events the same time.
Rule 4: a paid call stays open from before its first byte is sent until its outcome is known, and its video, if it made
one, was handed out. An interruption does not close it: `client.open_creates` shows it, and `client.settle()` resolves
it. A call to an API that lists no created jobs is closed when it ends: nothing could resolve it, and open calls would
pile up.
Rule 5: every operation here is a single operation of a built-in container, which is atomic: clients in several threads
share evidence without a lock.
"""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, Dict, Generator, Iterable, List, Tuple
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from bluma_async._runtime.file_lock import FileLock
    from bluma_async._session.in_flight import InFlightCall

__all__ = ["CreateEvidence", "find_evidence"]

ALWAYS = -math.inf
MAX_KNOWN = 100_000  # video ids; a key creates about a thousand an hour
READ_LAG = 60.0  # seconds after a create for which a read may not see its video yet


class CreateEvidence:
    """
    Known video ids, reported candidates, and open paid calls of one account.

    Attributes:
        skew: By how much the Date of an answered create was ahead of the video's `created_at`, at most; None before the
            first answered create.
        exclusive_lock: The account's lock on this machine, if a client of this process has stated `exclusive`.
        exclusive_gate: Held by the thread that acquires it.
        foreign_video: A video that disproves that this program is the account's only user; None while nothing does.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, float] = OrderedDict()  # by id: calls that began later are not from this video
        self._order = count(1)
        self._open: Dict[int, InFlightCall] = {}  # by order: a set would have an order that differs in each run
        self._contested: Dict[str, None] = {}
        self._floors: Dict[str | None, datetime] = {}
        self._baselines: Dict[str | None, datetime] = {}
        self._created: OrderedDict[str, float] = OrderedDict()  # by video: the moment at which its create was answered
        self._by_key: OrderedDict[str, str] = OrderedDict()  # videos by the Idempotency-Key of their creates
        self._attempted: Dict[str | None, bool] = {}  # by the Idempotency-Key of creates that are watched
        self._charges: OrderedDict[str, int] = OrderedDict()  # credits by video: reads of a video need not name them
        self.skew: timedelta | None = None
        self.foreign_video: str | None = None
        self.exclusive_lock: FileLock | None = None
        self.exclusive_gate: threading.Lock = threading.Lock()

    def add(self, call: InFlightCall) -> None:
        """Open a paid call that begins now; `remove` it when its outcome is known."""
        call.order = next(self._order)
        call.floor = self.find_floor(call.template_id)
        self._open[call.order] = call

    def add_earlier(self, call: InFlightCall) -> None:
        """
        Open a paid call of another process, which began before anything that this process knows.

        A video that was reported here as a candidate, or that a baseline has, can be its own: only one that a create is
        known to have made cannot.
        """
        call.order = -next(self._order)
        self._open[call.order] = call

    def remove(self, call: InFlightCall) -> None:
        """Close a paid call whose outcome is known."""
        self._open.pop(call.order, None)

    @property
    def open_calls(self) -> List[InFlightCall]:
        """The paid calls without a known outcome, oldest first."""
        return list(self._open.values())

    @property
    def lost_calls(self) -> List[InFlightCall]:
        """The open calls that no task works on, and whose video is not known."""
        return [call for call in self.open_calls if not call.is_attended and call.video_id is None]

    def find_token(self, token: str) -> InFlightCall | None:
        """Return the open create whose callback URL carries this token."""
        return next((call for call in self.open_calls if call.token == token), None)

    def wake_all(self) -> None:
        """Wake the open calls, because the evidence has changed."""
        for call in self.open_calls:
            call.wake()

    def set_floor(self, template_id: str | None, created_at: datetime) -> None:
        """Note the newest `created_at` of a template (None: of all) before a batch creates from it."""
        self._floors[template_id] = self._baselines[template_id] = created_at

    def is_after_baseline(self, template_id: str | None, created_at: datetime) -> bool:
        """Return whether a video is newer than all that a batch saw before it first created from this template."""
        baseline = self._baselines.get(template_id, self._baselines.get(None))
        return baseline is not None and created_at > baseline

    def find_floor(self, template_id: str | None) -> datetime | None:
        """Return the newest `created_at` that was seen of a template, or of all; None without a baseline."""
        return self._floors.get(template_id, self._floors.get(None))

    def raise_floors(self, created_at: datetime) -> None:
        """Note the `created_at` of an answered create: creates that begin from now on are not older."""
        for template_id, floor in list(self._floors.items()):
            self._floors[template_id] = max(floor, created_at)

    def may_learn(self, server_date: datetime | None, created_at: datetime) -> bool:
        """Return whether these times of an answered create would change a floor or the skew."""
        return bool(self._floors) or (
            server_date is not None and (self.skew is None or server_date - created_at > self.skew)
        )

    def learn_skew(self, server_date: datetime, created_at: datetime) -> None:
        """Note by how much the Date of an answered create was ahead of its video's `created_at`."""
        ahead = server_date - created_at
        self.skew = ahead if self.skew is None else max(self.skew, ahead)

    def rivals(self, call: InFlightCall) -> List[InFlightCall]:
        """
        Return the other open paid calls that may have created the same videos: unknown templates match all.

        One whose video is known has not created another. It is open as long as its result was not handed out.
        """
        others = [other for other in self.open_calls if other is not call and other.video_id is None]
        return [other for other in others if _may_match(call.template_id, other.template_id)]

    def mark_known(self, video_id: str) -> None:
        """Note that a video is explained: a create returned it, or a call waits for it."""
        self._known[video_id] = ALWAYS
        self._trim()

    def mark_created(self, video_id: str, moment: float, request_key: str | None = None) -> None:
        """Note that a video of this process, or of its journal, was created at this moment of our clock."""
        self._created[video_id] = moment
        if request_key is not None:
            self._by_key[request_key] = video_id
        _bound(self._created)
        _bound(self._by_key)

    def note_charge(self, video_id: str, charged: int) -> None:
        """Note the credits that the create of a video has billed; 0 if its answer did not name them."""
        if charged:
            self._charges[video_id] = charged
            _bound(self._charges)

    def find_charge(self, video_id: str) -> int:
        """Return the credits that the create of a video has billed; 0 if they are not known."""
        return self._charges.get(video_id, 0)

    def find_created(self, request_key: str | None) -> str | None:
        """Return the video that the create with this Idempotency-Key is known to have become."""
        return self._by_key.get(request_key or "")

    def disown(self, request_key: str | None, video_id: str) -> None:
        """Forget that the create with this Idempotency-Key became a video: that is another create's."""
        if self.find_created(request_key) == video_id:
            self._by_key.pop(request_key or "", None)

    @contextmanager
    def watching(self, request_key: str) -> Generator[None, None, None]:
        """Note until the end of the block whether a request with this Idempotency-Key is sent. None was before."""
        self._attempted[request_key] = False
        try:
            yield
        finally:
            del self._attempted[request_key]

    def begin_attempt(self, call: InFlightCall) -> None:
        """Note that a request of a call is about to be sent."""
        if call.key in self._attempted:
            self._attempted[call.key] = True
        call.begin_attempt()

    def was_attempted(self, request_key: str) -> bool:
        """Return whether a request may have been sent: also if that was not watched."""
        return self._attempted.get(request_key, True)

    def find_open(self, request_key: str | None) -> InFlightCall | None:
        """Return the open create with this Idempotency-Key."""
        return next((call for call in self.open_calls if call.key == request_key), None)

    def knows_create(self, video_id: str) -> bool:
        """Return whether the moment at which a video was created is known."""
        return video_id in self._created

    def may_be_unseen(self, video_id: str, now: float) -> bool:
        """Return whether a video was created so recently that a read may lag behind, and answer 404 for it."""
        return now - self._created.get(video_id, ALWAYS) < READ_LAG

    def mark_candidates(self, video_ids: Iterable[str]) -> None:
        """
        Note that videos were reported as candidates of a lost create.

        They are not evidence for calls that begin later. For calls that are in flight now they still are: two calls may
        be lost together, and each video may be either's.
        """
        now = next(self._order)
        for video_id in video_ids:
            self._known.setdefault(video_id, now)  # keeps an earlier mark, also one that another thread sets meanwhile
        self._trim()

    def mark_older(self, video_id: str, call: InFlightCall) -> None:
        """Note that a video is older than a call. An earlier create may still be found to be its."""
        self._known[video_id] = min(self._known.get(video_id, math.inf), call.order)
        self._trim()

    def mark_contested(self, video_ids: Iterable[str]) -> None:
        """Note candidates of a create that no search can settle any more: no other create may adopt them either."""
        contested = list(video_ids)
        self._contested.update(dict.fromkeys(contested))
        self.mark_candidates(contested)

    def is_contested(self, video_id: str) -> bool:
        """Return whether a video is a candidate of a create that no search can settle any more."""
        return video_id in self._contested

    def may_be_from(self, video_id: str, call: InFlightCall) -> bool:
        """Return whether a video may have been created by this call, as far as this process knows."""
        return self._known.get(video_id, math.inf) > call.order

    def start_in_child(self) -> None:
        """Forget, in a forked child, the open calls, and the lock that only the parent process has."""
        self._open.clear()
        self.exclusive_lock, self.exclusive_gate = None, threading.Lock()

    def _trim(self) -> None:
        _bound(self._known)  # only a new video can be mistaken for a lost create


class _Registry:
    """The evidence of every account that a client of this process uses."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_account: WeakValueDictionary[Tuple[str, str], CreateEvidence] = WeakValueDictionary()

    def find(self, base_url: str, api_key: str) -> CreateEvidence:
        with self._lock:  # two threads that make the first clients of an account must get the same object
            evidence = self._by_account.get((base_url, api_key))
            if evidence is None:
                evidence = self._by_account[base_url, api_key] = CreateEvidence()
            return evidence

    def start_in_child(self) -> None:
        """
        Keep the known ids in a forked child, and drop the open calls.

        The parent's videos are not lost creates of the child, so their ids stay. Its open calls do not run here:
        the child would wait for their answers without end.
        """
        self._lock = threading.Lock()  # another thread of the parent may have held it
        for evidence in self._by_account.values():
            evidence.start_in_child()

    def __len__(self) -> int:
        return len(self._by_account)


def _bound(marks: OrderedDict[str, Any]) -> None:
    """Drop the oldest entries above the limit."""
    while len(marks) > MAX_KNOWN:
        marks.popitem(last=False)


def _may_match(template_id: str | None, other: str | None) -> bool:
    return None in (template_id, other) or template_id == other


registry = _Registry()
find_evidence = registry.find
if hasattr(os, "register_at_fork"):  # not on Windows, where there is no fork
    os.register_at_fork(after_in_child=registry.start_in_child)

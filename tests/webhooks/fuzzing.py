"""
Hostile webhooks and callbacks, from a seed: none of them may raise anything but a WebhookVerificationError.

`python -m tests.webhooks.fuzzing 1000000` tries a million of them, `... 1 SEED` repeats one.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from typing import Any, Callable, Dict, List, Mapping, Tuple
from urllib.parse import parse_qs, unquote, urlsplit

from bluma import WebhookReceiver, sign_webhook, verify_webhook
from bluma_async import AsyncBluma, AsyncLuma
from bluma_async._wire.messages import Answer
from bluma_async.errors import WebhookVerificationError
from bluma_async.luma.kie import sign
from bluma_async.resources._videos.source import VideoSource
from bluma_async.types import VideoEvent
from tests.webhooks.events import SECRET

STATUSES = {200, 400, 401}  # replies to a webhook that a store has no part in
TEXTS = [
    *("", " ", "x", ".", "..", "/", "batch_1", "evt_1", "video.completed", "credits.low", "completed", "\x00", "é"),
    *("\ud800", "²", "%2e", "a" * 3000, "9" * 5000, "1e999", "NaN", "2025-11-03T10:30:00Z", "2025-13-45T99:99:99Z"),
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", '{"id": "x"}', '{"data": ' * 50, "[" * 3000),
    *("sha256=", "\r\nX: y"),
]
NUMBERS = [0, 1, -1, 2**31, 2**63, 2**64, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"), True, False, None]
NAMES = ["id", "type", "event", "data", "created_at", "status", "code", "taskId", "task_id", "progress", "url"]
SPLINTERS = [b"", b"\x00", b"\xff", b'"', b"}", b"[", b"\xed\xa0\x80"]
SEEDS: List[Any] = [
    {"id": "evt_1", "type": "video.completed", "created_at": "2025-11-03T10:30:00Z", "data": {"id": "batch_1"}},
    {"id": "evt_2", "type": "video.failed", "data": {"id": "b", "error": {"type": "x", "detail": "y"}}},
    {"id": "evt_3", "type": "credits.low", "data": {"remaining": 8, "threshold": 10}},
    {"code": 200, "msg": "ok", "data": {"taskId": "t", "info": {"resultUrls": ["https://cdn/x.mp4"]}}},
    {"task_id": "t", "status": "completed", "video": {"url": "https://cdn/x.mp4"}},
]
DEEP: List[Callable[[int], str]] = [
    lambda depth: "[" * depth,
    lambda depth: '{"data":' * depth,
    lambda depth: "[" * depth + "]" * depth,
    lambda depth: '{"id":"e","type":"video.completed","data":' + '{"a":' * depth + "1" + "}" * depth + "}",
    lambda depth: '{"data":{"taskId":"t","x":' + "[" * depth + "]" * depth + "}}",
]


class Hostile:
    """Draws requests."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def value(self, depth: int = 0) -> Any:
        """Return any JSON value."""
        chance = self.chance
        kind = chance.random()
        if depth > 3 or kind < 0.5:
            return chance.choice(TEXTS if chance.random() < 0.6 else NUMBERS)
        if kind < 0.75:
            return [self.value(depth + 1) for _ in range(chance.randrange(4))]
        return {self.name(): self.value(depth + 1) for _ in range(chance.randrange(5))}

    def name(self) -> str:
        """Return the name of a field."""
        return self.chance.choice(NAMES if self.chance.random() < 0.9 else TEXTS)

    def document(self) -> Any:
        """Return a body that was genuine before some of its fields were replaced, added or removed."""
        chance = self.chance
        made = json.loads(json.dumps(chance.choice(SEEDS)))
        for _ in range(chance.randrange(3)):
            place = made if chance.random() < 0.5 or not isinstance(made.get("data"), dict) else made["data"]
            name = chance.choice([*place, self.name()])
            if chance.random() < 0.2:
                place.pop(name, None)
            else:
                place[name] = self.value()
        return made

    def body(self) -> Any:
        """Return a raw body: bytes, mostly."""
        chance = self.chance
        kind = chance.random()
        if kind < 0.02:
            return chance.choice(DEEP)(chance.choice([10, 100, 300, 600, 900, 1000, 5000, 100_000])).encode()
        if kind < 0.07:
            return bytes(chance.randrange(256) for _ in range(chance.randrange(40)))
        made = self.value() if kind < 0.25 else self.document()
        raw = bytearray(json.dumps(made, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass"))
        for _ in range(chance.choice([0, 0, 0, 0, 1, 2, 5])):
            place = chance.randrange(len(raw) + 1)
            raw[place : place + chance.randrange(3)] = chance.choice(SPLINTERS)
        body = bytes(raw)
        kind = chance.random()
        return bytearray(body) if kind < 0.02 else memoryview(body) if kind < 0.04 else body

    def signature(self, body: Any) -> Any:
        """Return a signature header: often a genuine one, since only it leads to the body."""
        chance = self.chance
        kind = chance.random()
        if kind < 0.75:
            return sign_webhook(body, SECRET) if bytes(body) else None
        if kind < 0.8:
            return sign_webhook(body or b"x", "whsec_other")
        return chance.choice([None, "", b"", "sha256=", "sha256=" + "0" * 64, b"\xff", *TEXTS])

    def headers(self, body: Any) -> Mapping[Any, Any]:
        """Return the headers of a callback of kie.ai: often with a genuine signature of an id."""
        chance = self.chance
        if chance.random() < 0.3:
            return {}
        now, odd = str(int(time.time())), chance.choice([*TEXTS, "1" * 400, "1" * 4000, 5, None])
        stamp = now if chance.random() < 0.6 else odd
        names = ("X-Webhook-Timestamp", "x-webhook-signature")
        try:
            task_id = json.loads(body)["data"]["taskId"]
            signature = sign(task_id, stamp, SECRET)
        except Exception:  # noqa: BLE001 - there is no id to sign, so it is not signed
            signature = chance.choice([*TEXTS, None, b"x"])
        return dict(zip(names, (stamp, signature)))


class Account:
    """A transport in which every generation, and every video, exists."""

    async def send(self, request: Any, *_: Any) -> Answer:
        """Answer with the finished generation that was asked for."""
        asked_for = urlsplit(request.url)
        if "kie" in request.url:
            task_id = parse_qs(asked_for.query, keep_blank_values=True)["taskId"][0]
            body: Dict[str, Any] = {"code": 200, "data": {"taskId": task_id, "successFlag": 1}}
        else:
            name = unquote(asked_for.path.rpartition("/")[2])
            body = {"id": name, "state": "completed", "video": {"url": "https://cdn/x.mp4"}}
        return Answer(200, {}, json.dumps(body).encode())

    async def close(self) -> None:
        """Close nothing."""


class InlineStore:
    """An event store without threads, and without a memory."""

    async def claim(self, event_id: str, body: bytes) -> bool:
        """Accept each event."""
        return True

    async def finish(self, event_id: str) -> None:
        """Do nothing."""

    async def unfinished(self) -> List[bytes]:
        """Return nothing."""
        return []


class Targets:
    """Everything of the SDK that takes a body which anybody can send."""

    def __init__(self) -> None:
        account: Any = Account()
        self.receiver = WebhookReceiver(SECRET, store=InlineStore(), max_age=1e9)
        self.client = AsyncBluma("bluma_test_key", transport=account)
        self.receiver.attach(self.client)
        self.source = VideoSource(self.client._session)
        self.lumas = [
            AsyncLuma(provider, "key", f"https://{provider}.example.com", transport=account, webhook_secret=secret)
            for provider, secret in (("kie", None), ("kie", SECRET), ("vapi", None))
        ]
        self.outcomes: Counter[str] = Counter()

    async def try_one(self, seed: int) -> None:
        """Give one request to all of them. Anything that they raise, except for the documented error, is raised."""
        hostile = Hostile(seed)
        body = hostile.body()
        signature, headers = hostile.signature(body), hostile.headers(body)
        self._verify(body, signature)
        reply = await self.receiver.receive(body, signature, hostile.chance.choice([None, "", "token", "\ud800"]))
        assert reply.status in STATUSES, reply
        self.outcomes[str(reply.status)] += 1
        for luma in self.lumas:
            resource = luma.modifications if luma.provider == "kie" else luma.generations
            try:
                await resource.receive_callback(bytes(body), headers)
                self.outcomes["callback"] += 1
            except WebhookVerificationError:
                self.outcomes["no callback"] += 1

    def _verify(self, body: Any, signature: Any) -> None:
        try:
            event = verify_webhook(body, signature, SECRET)
        except WebhookVerificationError as error:
            assert str(error)
            return
        assert isinstance(event.id, str)
        assert isinstance(event.type, str)
        assert event.data is not None
        assert event.created_at is None or event.created_at.tzinfo is not None
        assert json.loads(json.dumps(event.to_dict()))
        if isinstance(event, VideoEvent):
            assert event.data.get("url") is event.data.url
            self.source.merge_event(None, event)


async def run(count: int, first: int = 0, report: Callable[[str], None] = print) -> Counter[str]:
    """Try so many requests, and return the outcomes. The seed of one that fails is reported."""
    targets, began = Targets(), time.monotonic()
    failures: List[Tuple[int, str]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append((seed, str(context))))
    for seed in range(first, first + count):
        try:
            await targets.try_one(seed)
        except BaseException:
            report(f"Seed {seed} failed: repeat it with `python -m tests.webhooks.fuzzing 1 {seed}`.")
            raise
        if (seed + 1) % 100_000 == 0:
            report(f"{seed + 1 - first} requests, {time.monotonic() - began:.0f} s: {dict(targets.outcomes)}")
        if (seed + 1) % 200 == 0:
            await targets.receiver.aclose()
    await targets.receiver.aclose()
    assert failures == []
    return targets.outcomes


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    outcomes = asyncio.run(run(*(arguments or [100_000])))
    print(f"No request raised anything but a WebhookVerificationError. {dict(outcomes)}")  # noqa: T201 - a command

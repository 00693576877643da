"""
What a provider is: calls to build, answers to read, and what it can do. Data in, data out; nothing is sent here.

A new provider is one module with a class of this shape, named in `PROVIDERS`; the conformance suite runs it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Protocol, Sequence, TypeVar, cast

import attrs

from bluma_async._wire.answers import decode_error
from bluma_async._wire.call import Safety, get, post
from bluma_async._wire.messages import Answer
from bluma_async.errors import APIError, InvalidArgumentError, ServerError

if TYPE_CHECKING:
    from bluma_async._wire.call import Call
    from bluma_async.types import Generation

__all__ = ["Adapter", "Capabilities", "asking", "document", "http_refusal", "reader", "starting", "unsupported"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Capabilities:
    """
    What a provider can do.

    Attributes:
        generate: Make a video from a prompt.
        extend: Make a video longer.
        modify: Change a video.
        extension_ratio: Give an extension an aspect ratio; by default that of what it extends, if this client made it.
        loop: Join a video's end to its start.
        callback: Tell a URL of one's own when it is done.
        signed_callback: Prove that it was the one who told.
        max_bulk: How many generations one request can read.
        aspect_ratios: Those it is known to take; others are sent too.
        poll_interval: Seconds between two polls, by default.
        timeout: Seconds to wait, by default.
    """

    generate: bool = True
    extend: bool = False
    extension_ratio: bool = False
    modify: bool = False
    loop: bool = False
    callback: bool = False
    signed_callback: bool = False
    max_bulk: int = 1
    aspect_ratios: Sequence[str] = ()
    poll_interval: float = 5.0
    timeout: float = 600.0

    def told(self) -> str:
        """Return what it can do, in words."""
        names = ("generate", "extend", "modify", "loop", "callback")
        return ", ".join(name for name in names if getattr(self, name))


class Adapter(Protocol):
    """One provider."""

    name: str
    base_url: str
    key_variable: str
    capabilities: Capabilities

    def create(self, arguments: Mapping[str, Any]) -> Call[Generation]:
        """Build the call that starts a generation, or a modification."""
        ...

    def extend(self, generation_id: str, arguments: Mapping[str, Any]) -> Call[Generation]:
        """Build the call that makes a generation longer."""
        ...

    def read(self, ids: Sequence[str]) -> Call[Dict[str, Generation]]:
        """Build the call that reads generations, `max_bulk` at most; those it does not know are left out."""
        ...

    def callback(self, body: bytes, headers: Mapping[str, str], secret: str | None) -> str:
        """
        Return which generation a callback tells of.

        Raises:
            WebhookVerificationError: Its signature is wrong, or it names none.
        """
        ...


def unsupported(adapter: Adapter, what: str) -> InvalidArgumentError:
    """Return the error for what a provider cannot do."""
    can = adapter.capabilities.told()
    return InvalidArgumentError(f"{adapter.name} cannot {what}; it can {can}. Nothing was sent.")


def document(body: bytes) -> Any:
    """Return the first JSON document of a body, whatever follows it, and whatever its type is said to be."""
    told = body.decode("utf-8", "replace").strip()
    return json.JSONDecoder().raw_decode(told)[0] if told else None


def asking(where: str, read: Any, **query: str) -> Call[Any]:
    """Build a call that reads something; `read` makes it out."""
    call = get(where, _as_it_is, **query)
    call.read = read
    return call


def starting(where: str, body: object, read: Any) -> Call[Any]:
    """Build a call that costs money."""
    return post(where, _as_it_is, body, safety=Safety.COSTS_MONEY, read=read)


def _as_it_is(told: object) -> object:
    return told


def reader(refusal: Callable[[Answer, object], APIError | None], decode: Callable[[object], T]) -> Any:
    """Return what reads an answer: it decodes it, or raises the refusal that it is."""

    def read(answer: Answer, secret: str) -> T:
        answer = Answer(
            answer.status, answer.headers, answer.body.replace(secret.encode(), b"***") if secret else answer.body
        )
        try:
            told: object = document(answer.body)
        except (ValueError, RecursionError):
            told = None
        error = refusal(answer, told)
        if error is not None:
            raise error
        try:
            return decode(told)
        except (KeyError, TypeError, ValueError) as problem:
            excerpt = answer.body[:200].decode("utf-8", "replace")
            raise ServerError(
                f"The answer cannot be read ({type(problem).__name__}): {excerpt!r}", status=502
            ) from problem

    return read


def http_refusal(answer: Answer, told: object) -> APIError | None:
    """Return the error that an HTTP status stands for, with what the body says in any of its shapes."""
    if 200 <= answer.status < 300:
        return None
    return decode_error(Answer(answer.status, answer.headers, json.dumps(flat(told)).encode() if told else answer.body))


def flat(told: object) -> Any:
    """Return an error's body in the one shape that `decode_error` knows."""
    if not isinstance(told, dict):
        return {"error": {"detail": told if isinstance(told, str) else json.dumps(told)}}
    named = cast("Dict[str, Any]", told)
    inner: Any = next((named[name] for name in ("error", "detail") if isinstance(named.get(name), dict)), named)
    said = cast("Dict[str, Any]", inner)
    words = [said.get(name) for name in ("message", "msg", "reason", "detail", "error")]
    message = next((word for word in words if isinstance(word, str) and word), None)
    code = said.get("code") or said.get("type")
    return {
        "error": {
            "detail": message,
            "type": None if code is None else str(code),
            "request_id": named.get("requestId") or named.get("request_id"),
            "metadata": {"body": named},
        }
    }

"""UmamiAI: makes videos from prompts, and longer ones; reads twenty at once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Dict, Mapping, Sequence

from bluma_async._wire.call import Call, path
from bluma_async._wire.checks import require_text
from bluma_async.errors import ForbiddenError, InsufficientCreditsError
from bluma_async.luma.adapter import Capabilities, asking, http_refusal, reader, starting, unsupported
from bluma_async.luma.luma_format import body_of, generation_of, generations_of

if TYPE_CHECKING:
    from bluma_async._wire.messages import Answer
    from bluma_async.errors import APIError
    from bluma_async.types import Generation

__all__ = ["Umami"]

RATIO = "16:9"  # it wants one
NO_CREDIT = ("credit", "balance", "fund", "token", "quota")


class Umami:
    """UmamiAI's Luma API."""

    name: str = "umami"
    base_url: str = "https://api.umamiai.xyz/v1"
    key_variable: str = "UMAMI_API_KEY"
    capabilities: Capabilities = Capabilities(
        extend=True,
        extension_ratio=True,
        max_bulk=20,  # what all versions of its query parser take for a list
        aspect_ratios=("1:1", "16:9", "9:16", "4:3", "3:4", "21:9", "9:21"),
    )

    def create(self, arguments: Mapping[str, Any]) -> Call[Generation]:
        """Build the call that starts a generation."""
        return self._start("/luma-ai/generations", arguments)

    def extend(self, generation_id: str, arguments: Mapping[str, Any]) -> Call[Generation]:
        """Build the call that makes a generation longer."""
        return self._start(path("luma-ai", "generations", generation_id, "extend"), arguments)

    def read(self, ids: Sequence[str]) -> Call[Dict[str, Generation]]:
        """Build the call that reads up to twenty; the list has its own order, and leaves out what it does not know."""
        query = {f"ids[{number}]": require_text("id", each) for number, each in enumerate(ids)}
        return asking("/luma-ai/generation", reader(_refusal, partial(generations_of, self.name)), **query)

    def callback(self, body: bytes, headers: Mapping[str, str], secret: str | None) -> str:  # noqa: ARG002 - as all have it
        """Refuse."""
        raise unsupported(self, "call back")

    def _start(self, where: str, arguments: Mapping[str, Any]) -> Call[Generation]:
        for name, what in (("loop", "loop videos"), ("callback_url", "call back")):
            if arguments.get(name) is not None:
                raise unsupported(self, what)
        ratio = arguments.get("aspect_ratio") or RATIO
        body = body_of(self, {**arguments, "aspect_ratio": ratio}, takes_data=False)
        read = reader(_refusal, partial(generation_of, self.name))
        return starting(where, body, read)


def _refusal(answer: Answer, told: object) -> APIError | None:
    error = http_refusal(answer, told)
    if type(error) is ForbiddenError and any(word in error.message.lower() for word in NO_CREDIT):
        return InsufficientCreditsError(error.message, status=402, type=error.type, metadata=error.metadata)
    return error

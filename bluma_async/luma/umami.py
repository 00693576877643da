"""UmamiAI: makes videos from prompts, extends them, and reads twenty generations with one request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, Mapping, Sequence

import attrs

from bluma_async._wire.call import Call, path
from bluma_async._wire.checks import require_text
from bluma_async.luma.adapter import Adapter, Capabilities, unsupported
from bluma_async.luma.decoder import Decoder, build_paid_call, build_read_call
from bluma_async.luma.luma_format import LumaFormat, build_payload

if TYPE_CHECKING:
    from bluma_async._wire.messages import Answer
    from bluma_async.errors import APIError
    from bluma_async.types import Generation

__all__ = ["Umami"]

DEFAULT_RATIO = "16:9"  # UmamiAI requires a ratio
# Words for too few credits: a shortage beside a unit. A unit alone says nothing, because a key is called a token too;
# as a unit, "tokens" is always plural.
UNIT = r"(credits?|balance|funds?|tokens|quota)"
SHORTAGE = re.compile(
    rf"(?i)\b(insufficient|not enough|too few|out of)( \w+)? {UNIT}\b"
    rf"|\bno (more )?{UNIT} (left|remaining)\b"
    rf"|\b{UNIT}( \w+){{0,2}} (insufficient|not enough|too low|exhausted|exceeded|used up)\b"
)


class UmamiDecoder(LumaFormat):
    """The common format, with 403 for an account without credits."""

    def find_error(self, answer: Answer, document: object, *, is_read: bool) -> APIError | None:
        """Return the error of an HTTP status; a 403 about credits is InsufficientCreditsError, as with the others."""
        error = super().find_error(answer, document, is_read=is_read)
        if answer.status == 403 and error is not None and SHORTAGE.search(error.message.replace("_", " ")):
            return super().find_error(attrs.evolve(answer, status=402), document, is_read=is_read)
        return error


class Umami(Adapter):
    """UmamiAI's Luma API."""

    name: str = "umami"
    base_url: str = "https://api.umamiai.xyz/v1"
    key_variable: str = "UMAMI_API_KEY"
    capabilities: Capabilities = Capabilities(
        extend=True,
        extension_ratio=True,
        max_bulk=20,  # with more ids, some versions of the server's query parser return an object instead of a list
        aspect_ratios=("1:1", "16:9", "9:16", "4:3", "3:4", "21:9", "9:21"),
    )
    decoder: Decoder = UmamiDecoder("umami")

    def build_create(self, arguments: Mapping[str, Any]) -> Call[Generation]:
        """Build the call that starts a generation."""
        return self._build_start("/luma-ai/generations", arguments)

    def build_extend(self, generation_id: str, arguments: Mapping[str, Any]) -> Call[Generation]:
        """Build the call that extends a generation."""
        return self._build_start(path("/luma-ai/generations", generation_id, "extend"), arguments)

    def build_read(self, ids: Sequence[str]) -> Call[Dict[str, Generation]]:
        """Build the call that reads up to twenty; the answer has its own order, and leaves out unknown ids."""
        query = {f"ids[{number}]": require_text("id", each) for number, each in enumerate(ids)}
        return build_read_call("/luma-ai/generation", ids, self.decoder, **query)

    def _build_start(self, where: str, arguments: Mapping[str, Any]) -> Call[Generation]:
        for name, operation in (("loop", "loop videos"), ("callback_url", "call back")):
            if arguments.get(name) is not None:
                raise unsupported(self, operation)
        ratio = arguments.get("aspect_ratio") or DEFAULT_RATIO
        payload = build_payload(self, {**arguments, "aspect_ratio": ratio}, takes_data=False)
        return build_paid_call(where, payload, self.decoder)

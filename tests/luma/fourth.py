"""A fourth provider with a format of its own: the one module that a new provider needs in the client."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Dict, Iterator, Mapping, Sequence

from bluma_async._wire.call import Call, compact, path
from bluma_async._wire.checks import require_text
from bluma_async.luma.adapter import Adapter, Capabilities
from bluma_async.luma.decoder import Decoder, build_paid_call, build_read_call, decode_http_error
from bluma_async.luma.refusals import is_refused
from bluma_async.luma.registry import PROVIDERS
from bluma_async.luma.values import parse_object, parse_state, parse_time, parse_videos
from bluma_async.types import Generation
from bluma_async.types._model import AttrDict

if TYPE_CHECKING:
    from bluma_async._wire.messages import Answer
    from bluma_async.errors import APIError

SANDBOX_MODULE = "bluma_async.sandbox.luma.fourth"


class FourthDecoder:
    """One object in `render`; errors have real HTTP statuses."""

    def find_error(self, answer: Answer, document: object, *, is_read: bool) -> APIError | None:
        """Return the error of an HTTP status that is not 2xx."""
        return decode_http_error(answer, document)

    def is_refusal(self, answer: Answer, document: object) -> bool:
        """Return whether nothing was created; the provider has no codes of its own."""
        return is_refused((), answer.status, document)

    def decode_created(self, document: object) -> Generation:
        """Return the generation in `render`."""
        fields: Dict[str, Any] = parse_object(document)["render"]
        videos = parse_videos(fields.get("file"), "file")
        return Generation(
            id=fields["uid"],
            provider="fourth",
            state=parse_state(fields["phase"]),
            raw_state=fields["phase"],
            prompt=fields["text"],
            url=videos[0].url if videos else None,
            videos=videos,
            created_at=parse_time(fields["at"]),
            error=AttrDict(code=None, message=fields["problem"]) if fields.get("problem") else None,
            raw=document,
        )

    def decode_read(self, document: object, ids: Sequence[str]) -> Dict[str, Generation]:
        """Return the one generation."""
        return {ids[0]: self.decode_created(document)}


class Fourth(Adapter):
    """A provider that only generates."""

    name: str = "fourth"
    base_url: str = "https://fourth.example.com"
    key_variable: str = "FOURTH_API_KEY"
    capabilities: Capabilities = Capabilities()
    decoder: Decoder = FourthDecoder()

    def build_create(self, arguments: Mapping[str, Any]) -> Call[Generation]:
        """Build the call that starts a generation."""
        payload = compact(text=require_text("prompt", arguments.get("prompt")), ratio=arguments.get("aspect_ratio"))
        return build_paid_call("/renders", payload, self.decoder)

    def build_read(self, ids: Sequence[str]) -> Call[Dict[str, Generation]]:
        """Build the call that reads one generation."""
        return build_read_call(path("/renders", ids[0]), ids, self.decoder)


@contextmanager
def register() -> Iterator[str]:
    """Keep the provider in the registry, and its sandbox module beside the others, until the block ends."""
    from tests.luma import fourth_sandbox

    PROVIDERS[Fourth.name] = Fourth()
    sys.modules[SANDBOX_MODULE] = fourth_sandbox  # as if the file were in the package
    try:
        yield Fourth.name
    finally:
        del PROVIDERS[Fourth.name], sys.modules[SANDBOX_MODULE]

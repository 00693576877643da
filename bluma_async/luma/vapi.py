"""V-API: makes videos from prompts and images, longer ones, and loops; tells a URL when they are done."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Dict, Mapping, Sequence

from bluma_async._wire.call import Call, path
from bluma_async.errors import NotFoundError, ValidationError, WebhookVerificationError
from bluma_async.luma.adapter import Capabilities, asking, document, http_refusal, reader, starting, unsupported
from bluma_async.luma.checks import require_link
from bluma_async.luma.decoding import GOOD, first, obj
from bluma_async.luma.luma_format import body_of, generation_of

if TYPE_CHECKING:
    from bluma_async._wire.messages import Answer
    from bluma_async.errors import APIError
    from bluma_async.types import Generation

__all__ = ["VApi"]


class VApi:
    """V-API's Luma API."""

    name: str = "vapi"
    base_url: str = "https://api.gpt.ge"
    key_variable: str = "VAPI_API_KEY"
    capabilities: Capabilities = Capabilities(
        extend=True, loop=True, callback=True, aspect_ratios=("1:1", "4:3", "3:4", "16:9", "9:16")
    )

    def create(self, arguments: Mapping[str, Any]) -> Call[Generation]:
        """Build the call that starts a generation."""
        return self._start("/luma/generations", arguments)

    def extend(self, generation_id: str, arguments: Mapping[str, Any]) -> Call[Generation]:
        """Build the call that makes a generation longer; it keeps its ratio, and cannot be looped."""
        for name, what in (("loop", "loop an extension"), ("aspect_ratio", "change the aspect ratio of an extension")):
            if arguments.get(name) is not None:
                raise unsupported(self, what)
        return self._start(path("luma", "generations", generation_id, "extend"), arguments)

    def read(self, ids: Sequence[str]) -> Call[Dict[str, Generation]]:
        """Build the call that reads one."""
        [generation_id] = ids
        read = reader(_refusal, lambda told: {generation_id: generation_of(self.name, told)})
        return asking(path("luma", "generations", generation_id), read)

    def callback(self, body: bytes, headers: Mapping[str, str], secret: str | None) -> str:  # noqa: ARG002 - as all have it
        """Return which generation a callback tells of; nothing signs it."""
        try:
            told = obj(document(body))
        except ValueError:
            told = {}
        data = obj(told.get("data"))
        found = first(data.get("task_id"), told.get("task_id"), data.get("id"), told.get("id"))
        if found is None:
            raise WebhookVerificationError("The callback names no generation; put a word of your own into its URL.")
        return found

    def _start(self, where: str, arguments: Mapping[str, Any]) -> Call[Generation]:
        if arguments.get("callback_url") is not None:
            require_link("callback_url", arguments["callback_url"])
        body = body_of(self, arguments, takes_data=True)
        read = reader(_refusal, partial(generation_of, self.name))
        return starting(where, body, read)


def _refusal(answer: Answer, told: object) -> APIError | None:
    """Return the error that a status stands for, or the code of an envelope that holds nothing."""
    error, said = http_refusal(answer, told), obj(told)
    code = str(said.get("code", "success")).lower()
    if error is not None or code in GOOD or "id" in said or said.get("data"):
        return error
    kind, status = (NotFoundError, 404) if "not_exist" in code or "not_found" in code else (ValidationError, 400)
    message = first(said.get("message"), said.get("msg")) or f"The server answered code {code}"
    return kind(message, status=status, type=code, metadata={"code": said["code"], "http_status": answer.status})
